# P-DARTS 5.1.1: searching on CIFAR-100, where DARTS gives "architectures full of skip-connects, which results in much
# worse classification performance".
_base_ = '_base_/published_costs.py'
task = 'pipeline'
searches = ['search/p_darts_cifar100', 'search/darts_v1_cifar100', 'search/darts_v2_cifar100']
retrain = 'classification/cifar100'
