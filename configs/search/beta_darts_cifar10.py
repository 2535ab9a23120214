# beta-DARTS on CIFAR-10 (Ye et al., CVPR 2022): the Beta-Decay loss on alpha, whose weight grows linearly from 0
# towards 50, as in the authors' code (Beta-DARTS, optimizers/darts/architect.py; there over 100 epochs, for NAS-
# Bench-201). The rest is DARTS, as in its sota/cnn/train_search.py.
_base_ = './darts_v1_cifar10.py'
method = 'beta-DARTS'
weights = dict(final_lr=0.001)
architecture = dict(penalties=[dict(type='beta_decay', weight=dict(start=0.0, end=50.0, reached=False))])
