# P-DARTS 4.3.2, footnote 1: alpha initialised in each stage, and carried over from the stage before. The searches'
# records count the edges, of 14, that keep their best operation from stage to stage. 5.1.1: 5 cells in the first stage,
# and DARTS' 8.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
searches = [
    'search/p_darts_cifar10',
    'search/p_darts_cifar10_carried_alpha',
    'search/p_darts_cifar10_first_stage8',
]
retrain = 'classification/cifar10'
