# The main job at a size for two CPU cores, on the embedded digits: search, retrain, detect, re-identify, compare.
task = 'pipeline'
searches = ['search/digits_pc_darts', 'search/digits_p_darts']
baselines = ['random:0']
retrain = 'classification/digits'
transfers = ['detection/digits_ssd', 'reid/digits_p3']
seeds = [0]
