# P-DARTS 5.2.2: the approximated search space against a random one (the paper takes the best of three seeds) and
# against a fixed depth.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
searches = [
    'search/p_darts_cifar10',
    dict(protocol='search/p_darts_cifar10_random_space', seeds=[0, 1, 2]),
    'search/p_darts_cifar10_fixed_depth',
]
retrain = 'classification/cifar10'
