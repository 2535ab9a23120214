# P-DARTS 5.2.1, Fig. 3: the cells as they stand after each stage of the search, whose networks grow from 5 to 11 to 17
# cells, beside the cell of DARTS, searched with 8.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
searches = [dict(protocol='search/p_darts_cifar10', after_stages=[1, 2, 3])]
baselines = ['DARTS_V2']
retrain = 'classification/cifar10'
