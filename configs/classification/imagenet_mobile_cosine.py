# With the learning rate annealed by cosine: DARTS_V2's error is 25.4 % then, not 26.7 % (P-DARTS Table 3, footnote †).
_base_ = 'imagenet_mobile.py'

optimiser = dict(schedule='cosine')
