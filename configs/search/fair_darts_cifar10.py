# FairDARTS on CIFAR-10 (Chu et al., ECCV 2020): a sigmoid for every candidate, the zero-one loss, and a threshold.
# Numbers of the authors' code (FairDARTS, fairdarts/train_search.py, whose parse_method is 'threshold_sparse'). alpha
# begins near 0, there at 0. A node keeps its best edge below the threshold, too: a genotype's nodes need an input.
_base_ = './darts_v1_cifar10.py'
method = 'FairDARTS'
# The code has no 'none'.
operations = [
    'max_pool_3x3',
    'avg_pool_3x3',
    'skip_connect',
    'sep_conv_3x3',
    'sep_conv_5x5',
    'dil_conv_3x3',
    'dil_conv_5x5',
]
batch_size = 128
weights = dict(lr=0.005, final_lr=0.001)
architecture = dict(
    lr=3e-3,
    betas=(0.9, 0.999),
    relaxation=dict(type='sigmoid'),
    penalties=[dict(type='zero_one', weight=10.0)],
)
selection = dict(type='threshold', threshold=0.85)
