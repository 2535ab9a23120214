# DrNAS on CIFAR-10 (Chen et al., ICLR 2021): Dirichlet samples, and its progressive scheme of two stages with fewer
# candidates and a smaller K. Numbers of the authors' code (DrNAS, DARTS-space/train_search.py). Departures: the second
# stage starts with fresh weights (the code widens those of the first) and with the first learning rate again (the code
# has one cosine over all 50 epochs), and edges are ranked by the mean of the distribution (there by softmax(alpha)).
_base_ = './darts_v1_cifar10.py'
method = 'DrNAS'
# The code starts with 7 candidates.
operations = [
    'max_pool_3x3',
    'avg_pool_3x3',
    'skip_connect',
    'sep_conv_3x3',
    'sep_conv_5x5',
    'dil_conv_3x3',
    'dil_conv_5x5',
]
stages = [
    dict(epochs=25, frozen_epochs=10, layers=20, channels=36, partial_channels=6),
    dict(epochs=25, frozen_epochs=10, layers=20, channels=36, partial_channels=4, keep=4),
]
initial_alpha = 'carried'
weights = dict(lr=0.1)
architecture = dict(
    lr=6e-4,
    relaxation=dict(type='dirichlet'),
    # reg_type 'l2' and reg_scale 1e-3 of the code, which are Adam's weight decay there.
    penalties=[dict(type='anchor', distance='l2', weight=1e-3)],
    weight_decay=0.0,
)
