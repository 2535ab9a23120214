# The main job at a size for two CPU cores, on the embedded digits: search, retrain, detect, re-identify, compare.
task = 'pipeline'
searches = ['search/digits_pc_darts', 'search/digits_p_darts']
baselines = ['random:0']
retrain = 'classification/digits'
transfers = ['detection/digits_ssd', 'reid/digits_p3']
seeds = [0]
# Measured on two CPU cores; only the time left is told from them, scaled by what the ended stages took.
expected_seconds = {
    'search/digits_pc_darts': 36,
    'search/digits_p_darts': 65,
    'classification/digits': 15,
    'detection/digits_ssd': 43,
    'reid/digits_p3': 35,
}
