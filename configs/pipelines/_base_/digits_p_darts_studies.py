# The three stages of digits_p_darts, cut like the other schedules.
_base_ = 'digits_studies.py'
options = {'search': {'stages.0.epochs': 2, 'stages.1.epochs': 2, 'stages.2.epochs': 2}}
