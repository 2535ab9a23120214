# PC-DARTS (Xu et al., ICLR 2020): all of its own rows, those of DARTS, and in Table 5 those of other backbones.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
seeds = [0]
parts = [
    # Table 1: the best of five searches by standalone validation (footnote ‡); Table 2: the same cell on ImageNet.
    dict(
        searches=[dict(protocol='search/pc_darts_cifar10', seeds=[0, 1, 2, 3, 4], select='best')],
        selection_protocol='classification/cifar10_selection',
        retrain=['classification/cifar10', 'classification/imagenet_mobile'],
    ),
    dict(baselines=['DARTS_V1', 'DARTS_V2'], retrain='classification/cifar10'),
    # Table 2: searched on ImageNet; Table 5: that one's weights in SSD.
    dict(
        searches=['search/pc_darts_imagenet'],
        retrain='classification/imagenet_mobile',
        transfers=['detection/coco_ssd320'],
    ),
    dict(baselines=['DARTS_V2'], retrain='classification/imagenet_mobile'),
    # 4.2: integrated into P-DARTS, for a "consistent accuracy gain".
    dict(searches=['search/p_darts_cifar10', 'search/pc_p_darts_cifar10'], retrain='classification/cifar10'),
    # Table 5's other backbones.
    'pipelines/ssd_baselines',
    'pipelines/pc_darts_figure3',
    'pipelines/pc_darts_table3',
    'pipelines/pc_darts_table4',
]
