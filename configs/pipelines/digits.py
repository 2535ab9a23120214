# The main job at a size for two CPU cores, on the embedded digits: search, retrain, detect, re-identify, compare.
task = 'pipeline'
searches = ['search/digits_pc_darts', 'search/digits_p_darts']
baselines = ['random:0']
retrain = 'classification/digits'
transfers = ['detection/digits_ssd', 'reid/digits_p3']
seeds = [0]
expected = {
    'search/digits_pc_darts': dict(hours=36 / 3600, device='CPU', source='measured on two cores'),
    'search/digits_p_darts': dict(hours=65 / 3600, device='CPU', source='measured on two cores'),
    'classification/digits': dict(hours=15 / 3600, device='CPU', source='measured on two cores'),
    'detection/digits_ssd': dict(hours=43 / 3600, device='CPU', source='measured on two cores'),
    'reid/digits_p3': dict(hours=35 / 3600, device='CPU', source='measured on two cores'),
}
