# PC-DARTS, Fig. 3 (4.4.1): a share of 1/K of the channels goes through the operations; search cost and error for K = 1,
# 2, 4 and 8. The paper does not give the number of runs: one here.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
searches = [
    'search/pc_darts_cifar10_k1',
    'search/pc_darts_cifar10_k2',
    'search/pc_darts_cifar10',
    'search/pc_darts_cifar10_k8',
]
retrain = 'classification/cifar10'
