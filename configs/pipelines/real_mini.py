# The main job on real images at $WILDNAS_DATA, with small data and schedules that fit an hour on two CPU cores.
# Subsets this small measure the machinery, not the method: no number from them is a result about an architecture.
task = 'pipeline'
searches = ['search/cifar10_mini_pc_darts', 'search/cifar10_mini_p_darts']
baselines = ['random:0']
retrain = 'classification/tiny_imagenet_20'
transfers = ['detection/coco_mini_ssd', 'reid/market_mini_p3']
seeds = [0]
