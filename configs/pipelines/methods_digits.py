# Every search method on the embedded digits: what does a search find beside cells drawn at random, and does it
# transfer? 3 seeds of each, retrained and brought into a detector and a re-identifier. `wildnas table classification`
# has the improvement over random cells, `wildnas transfer` the answer on transfer. At this size no number says which
# method is better on CIFAR-10.
task = 'pipeline'
searches = [
    'search/digits_darts',
    'search/digits_pc_darts',
    'search/digits_p_darts',
    'search/digits_snas',
    'search/digits_gdas',
    'search/digits_drnas',
    'search/digits_fair_darts',
    'search/digits_darts_minus',
    'search/digits_beta_darts',
    'search/digits_sdarts',
    'search/digits_robust_darts',
    'search/digits_darts_plus',
    'search/digits_darts_pt',
    'search/digits_pc_drnas',
    'search/digits_p_beta_darts',
    'search/digits_random',
    'search/digits_evolution',
]
seeds = [0, 1, 2]
random_baselines = 8
retrain = 'classification/digits'
transfers = ['detection/digits_ssd', 'reid/digits_p3']
expected = {
    'search/digits_darts': dict(hours=39 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_snas': dict(hours=28 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_gdas': dict(hours=38 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_drnas': dict(hours=25 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_fair_darts': dict(hours=35 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_darts_minus': dict(hours=39 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_beta_darts': dict(hours=37 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_sdarts': dict(hours=34 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_robust_darts': dict(hours=47 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_darts_plus': dict(hours=20 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_darts_pt': dict(hours=61 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_pc_drnas': dict(hours=30 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_p_beta_darts': dict(hours=62 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_random': dict(hours=48 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_evolution': dict(hours=43 / 3600, device='CPU', source='CPU time of one process'),
    'search/digits_pc_darts': dict(hours=36 / 3600, device='CPU', source='measured on two cores'),
    'search/digits_p_darts': dict(hours=65 / 3600, device='CPU', source='measured on two cores'),
    'classification/digits': dict(hours=15 / 3600, device='CPU', source='measured on two cores'),
    'detection/digits_ssd': dict(hours=43 / 3600, device='CPU', source='measured on two cores'),
    'reid/digits_p3': dict(hours=35 / 3600, device='CPU', source='measured on two cores'),
}
