# beta-DARTS on CIFAR-10 (Ye et al., CVPR 2022): the Beta-Decay loss on alpha, whose weight grows linearly from 0
# towards 50. That is the authors' code for NAS-Bench-201 (Beta-DARTS, optimizers/darts/architect.py: 0.5 more each
# epoch, of 100), here over 50 epochs; for DARTS' space, with its two cells, the code does not run. The other numbers
# are those of its sota/cnn/train_search.py, without the perturbation that is its default. The candidates are DARTS'
# eight; that code has no 'none'.
_base_ = './darts_v1_cifar10.py'
method = 'beta-DARTS'
weights = dict(final_lr=0.001)
architecture = dict(penalties=[dict(type='beta_decay', weight=dict(start=0.0, end=50.0, reached=False))])
