# The main job at a size for two CPU cores, on the embedded digits: search, retrain, detect, re-identify, compare.
task = 'pipeline'
searches = ['search/digits_pc_darts', 'search/digits_p_darts']
random_baselines = 3
retrain = 'classification/digits'
transfers = ['detection/digits_ssd', 'reid/digits_p3']
seeds = [0]
expected = {
    'search/digits_pc_darts': dict(hours=40 / 3600, device='CPU', source='measured on one core'),
    'search/digits_p_darts': dict(hours=100 / 3600, device='CPU', source='measured on one core'),
    'classification/digits': dict(hours=10 / 3600, device='CPU', source='measured on one core'),
    'detection/digits_ssd': dict(hours=46 / 3600, device='CPU', source='measured on one core'),
    'reid/digits_p3': dict(hours=37 / 3600, device='CPU', source='measured on one core'),
}
