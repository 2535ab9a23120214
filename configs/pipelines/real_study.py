# Does a proxy's order hold on real images? 12 cell architectures on small parts of CIFAR-10, COCO and Market-1501's
# layout, at $WILDNAS_DATA, each with two seeds. Every number is of reduced data and a short schedule.
task = 'pipeline'
baselines = [
    'AmoebaNet',
    'DARTS_V1',
    'DARTS_V2',
    'DrNAS_imagenet',
    'NASNet',
    'PC_DARTS_image',
    'PDARTS',
    'SNAS_mild',
]
random_baselines = 4
retrain = 'classification/cifar10_study'
transfers = ['zerocost/cifar10_study', 'detection/coco_person_ssd192', 'reid/market_mini_p3_square']
retrain_seeds = [0, 1]
