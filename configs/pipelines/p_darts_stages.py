# P-DARTS 4.3.2, footnote 1: alpha drawn anew in each stage, and carried over from the stage before; how many of the 14
# edges keep their best operation from stage to stage is in the searches' records. 5.1.1: 5 cells in the first stage,
# and DARTS' 8.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
searches = [
    'search/p_darts_cifar10',
    'search/p_darts_cifar10_carried_alpha',
    'search/p_darts_cifar10_first_stage8',
]
retrain = 'classification/cifar10'
