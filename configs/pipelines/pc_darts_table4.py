# PC-DARTS, Table 4 (4.4.3): how stable three methods are, over five seeds, over the epochs of the search (50 are those
# of the seeds), and over the nodes of a cell (its 5, 6 and 7 count the two input nodes; 6 are those of the seeds).
_base_ = '_base_/published_costs.py'
task = 'pipeline'
retrain = 'classification/cifar10'
searches = [
    dict(protocol=f'search/{method}_cifar10', seeds=[0, 1, 2, 3, 4]) for method in ('darts_v1', 'darts_v2', 'pc_darts')
] + [
    f'search/{method}_cifar10_{change}'
    for method in ('darts_v1', 'darts_v2', 'pc_darts')
    for change in ('epochs075', 'epochs100', 'epochs125', 'nodes3', 'nodes5')
]
