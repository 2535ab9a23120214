# P-DARTS with beta-DARTS' decay, which grows from 0 towards 50 in every stage; no paper has this combination. All other
# numbers are P-DARTS' (5.1.1). Its dropout behind skip connections stays.
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS + beta-DARTS'
architecture = dict(penalties=[dict(type='beta_decay', weight=dict(start=0.0, end=50.0, reached=False))])
