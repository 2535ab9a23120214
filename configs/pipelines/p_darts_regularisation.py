# P-DARTS 5.2.3: dropout behind skip connections, and at most M of them in the normal cell.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
searches = [
    # "Test errors for architectures discovered without Dropout … for M = 2, 3 and 4".
    dict(protocol='search/p_darts_cifar10_no_dropout', max_skips=[2, 3, 4]),
    # With it; and "the number of preserved skip-connect operations in the normal cell varies from 0 to 4".
    dict(protocol='search/p_darts_cifar10_dropout_0_3_6', max_skips=[0, 1, 2, 3, 4]),
    # "Another 3 architecture search experiments", before the refinement (M = 8 restricts nothing) and after it (2).
    dict(protocol='search/p_darts_cifar10_dropout_0_3_6', seeds=[1, 2, 3], max_skips=[8, 2]),
    # "Applying search space regularization to DARTS": first order, without it and with it.
    'search/darts_v1_cifar10',
    'search/darts_v1_cifar10_regularised',
]
retrain = 'classification/cifar10'
