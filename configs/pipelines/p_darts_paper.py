# P-DARTS (Chen et al., journal version): all of its own rows, those of DARTS, and in Tables 4 and 5 those of other
# backbones.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
seeds = [0]
parts = [
    # Table 1: each cell on both data sets, small and large.
    dict(
        searches=['search/p_darts_cifar10', 'search/p_darts_cifar100'],
        retrain=[
            'classification/cifar10',
            'classification/cifar100',
            'classification/cifar10_large',
            'classification/cifar100_large',
        ],
    ),
    dict(baselines=['DARTS_V1', 'DARTS_V2'], retrain=['classification/cifar10', 'classification/cifar100']),
    # Table 1, footnote ‡: "We ran the publicly available code"; 4.3: DARTS "for multiple times", for the levels of its
    # connections. Three runs, as for P-DARTS (5.2.1).
    dict(searches=['search/darts_v1_cifar10', 'search/darts_v2_cifar10'], seeds=[0, 1, 2]),
    # Table 2 and Fig. 3 (e): "three individual runs" of the search; 4.3.2: "3 individual search processes", of 2 to 4
    # skip connections before M; footnote 1: how many edges keep their best operation from stage to stage.
    dict(searches=['search/p_darts_cifar10'], seeds=[0, 1, 2]),
    # Table 3, and from its weights Table 4 (SSD) and Table 5 (PCB with 1, 3 and 6 parts).
    dict(
        searches=['search/p_darts_cifar10', 'search/p_darts_imagenet'],
        baselines=['DARTS_V2'],
        retrain='classification/imagenet_mobile',
        transfers=[
            'detection/coco_ssd320',
            'detection/coco_ssd512',
            *(
                f'reid/{data}_p{parts}'
                for data in ('market1501', 'dukemtmcreid', 'msmt17')
                for parts in (1, 3, 6)
            ),
        ],
    ),
    # 5.3.2: the cell of CIFAR-100, too, has a lower test error than MnasNet.
    dict(searches=['search/p_darts_cifar100'], retrain='classification/imagenet_mobile'),
    # Table 3, footnote †: DARTS with the learning rate annealed by cosine.
    dict(baselines=['DARTS_V2'], retrain='classification/imagenet_mobile_cosine'),
    # Table 5's ResNet-50. The papers do not give the weights' source: a file of timm's resnet50, trained on ImageNet.
    dict(
        baselines=[
            dict(architecture='timm:resnet50', weights='{{$WILDNAS_DATA:data}}/weights/resnet50.safetensors'),
        ],
        transfers=[
            f'reid/{data}_p{parts}' for data in ('market1501', 'dukemtmcreid', 'msmt17') for parts in (1, 3, 6)
        ],
    ),
    # Table 4's ResNet-101, likewise; then what it shares with PC-DARTS Table 5.
    dict(
        baselines=[
            dict(architecture='timm:resnet101', weights='{{$WILDNAS_DATA:data}}/weights/resnet101.safetensors'),
        ],
        transfers=['detection/coco_ssd513'],
    ),
    'pipelines/ssd_baselines',
    'pipelines/p_darts_depth',
    'pipelines/p_darts_space',
    'pipelines/p_darts_regularisation',
    'pipelines/p_darts_stages',
    'pipelines/p_darts_width',
    'pipelines/p_darts_cifar100',
]
