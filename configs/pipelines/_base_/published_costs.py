# The papers' costs for `--plan`: GPU-hours of one run, over all of its GPUs.
expected = {
    # 4.2: 3 hours on a GTX 1080Ti, 1.5 on a V100. 4.3: 11.5 hours on eight V100. Table 3: 0.4 GPU-days without partial
    # channels; 3.8 and 7.7 on ImageNet.
    'search/pc_darts_cifar10': dict(hours=1.5, source='PC-DARTS 4.2, V100'),
    'search/pc_darts_cifar10_no_en': dict(hours=2.4, source='PC-DARTS Table 3, 0.1 GPU-days'),
    'search/pc_darts_cifar10_k1': dict(hours=9.6, source='PC-DARTS Table 3, 0.4 GPU-days'),
    'search/pc_darts_cifar10_k1_no_en': dict(hours=9.6, source='PC-DARTS Table 3, 0.4 GPU-days'),
    'search/pc_darts_imagenet': dict(hours=92.0, source='PC-DARTS 4.3, 11.5 h on 8 V100'),
    'search/pc_darts_imagenet_no_en': dict(hours=91.2, source='PC-DARTS Table 3, 3.8 GPU-days'),
    'search/pc_darts_imagenet_k1': dict(hours=184.8, source='PC-DARTS Table 3, 7.7 GPU-days'),
    'search/pc_darts_imagenet_k1_no_en': dict(hours=184.8, source='PC-DARTS Table 3, 7.7 GPU-days'),
    # 5.1.1: 4.5 hours on a V100, 7 on a P100. 5.3.1: 6 hours on eight V100. Table 1, footnote ‡: a run of DARTS.
    'search/p_darts_cifar10': dict(hours=4.5, source='P-DARTS 5.1.1, V100'),
    'search/p_darts_cifar100': dict(hours=4.5, source='P-DARTS 5.1.1, V100'),
    'search/p_darts_imagenet': dict(hours=48.0, source='P-DARTS 5.3.1, 6 h on 8 V100'),
    # The same networks and epochs take as long.
    'search/p_darts_cifar10_no_dropout': dict(hours=4.5, source='that of P-DARTS 5.1.1, V100'),
    'search/p_darts_cifar10_dropout_0_3_6': dict(hours=4.5, source='that of P-DARTS 5.1.1, V100'),
    'search/p_darts_cifar10_carried_alpha': dict(hours=4.5, source='that of P-DARTS 5.1.1, V100'),
    'search/darts_v1_cifar10': dict(hours=12.0, source='P-DARTS Table 1, 0.5 GPU-days'),
    'search/darts_v2_cifar10': dict(hours=48.0, source='P-DARTS Table 1, 2 GPU-days'),
    # As many images and the same networks, except for the classifier, take as long.
    'search/darts_v1_cifar10_regularised': dict(hours=12.0, source='that of P-DARTS Table 1, 0.5 GPU-days'),
    'search/darts_v1_cifar100': dict(hours=12.0, source='that of P-DARTS Table 1, 0.5 GPU-days'),
    'search/darts_v2_cifar100': dict(hours=48.0, source='that of P-DARTS Table 1, 2 GPU-days'),
    # In proportion to the epochs of the search.
    **{
        f'search/{method}_cifar10_epochs{epochs:03d}': dict(
            hours=hours * epochs / 50, source=f'{epochs}/50 of {source}'
        )
        for method, hours, source in (
            ('darts_v1', 12.0, 'P-DARTS Table 1, 0.5 GPU-days'),
            ('darts_v2', 48.0, 'P-DARTS Table 1, 2 GPU-days'),
            ('pc_darts', 1.5, 'PC-DARTS 4.2, V100'),
        )
        for epochs in (75, 100, 125)
    },
    # 5.3.2: 250 epochs take about 3 days on eight V100.
    'classification/imagenet_mobile': dict(hours=576.0, source='P-DARTS 5.3.2, 3 days on 8 V100'),
    'classification/imagenet_mobile_cosine': dict(hours=576.0, source='P-DARTS 5.3.2, 3 days on 8 V100'),
    'classification/imagenet_mobile_epochs100': dict(hours=230.4, source='100 of 250 epochs of P-DARTS 5.3.2'),
}

# Other runs, such as retraining on CIFAR, detection and re-identification, are estimated by multiply-adds until there
# is a record.
by_multiply_adds = dict(
    # P-DARTS 5.3.2: 250 epochs in about 3 days on 8 V100; Table 3: a network of 557 M.
    separable=dict(
        hours=576.0, epochs=250, images=1_281_167, macs=557e6, source='P-DARTS 5.3.2, 3 days on 8 V100 at 557 M'
    ),
    # The papers give no hours of a dense network, of which a GPU computes several times as many multiply-adds a second.
    # Goyal et al. 2017 (P-DARTS' source of the warm-up): ResNet-50, 90 epochs of ImageNet in one hour on 256 P100;
    # P-DARTS Table 5: a network of 4,120 M.
    dense=dict(
        hours=256.0,
        epochs=90,
        images=1_281_167,
        macs=4120e6,
        source='Goyal et al. 2017, ResNet-50 in 1 h on 256 P100',
    ),
    # Ablations whose networks differ in size from those of the main search.
    searches={
        'search/pc_darts_cifar10_k2': 'search/pc_darts_cifar10',
        'search/pc_darts_cifar10_k8': 'search/pc_darts_cifar10',
        'search/p_darts_cifar10_random_space': 'search/p_darts_cifar10',
        'search/p_darts_cifar10_fixed_depth': 'search/p_darts_cifar10',
        'search/p_darts_cifar10_first_stage8': 'search/p_darts_cifar10',
        'search/p_darts_cifar10_growing_width': 'search/p_darts_cifar10',
        'search/p_darts_imagenet_fixed_width': 'search/p_darts_imagenet',
        'search/pc_p_darts_cifar10': 'search/p_darts_cifar10',
        **{
            f'search/{method}_cifar10_nodes{nodes}': f'search/{method}_cifar10'
            for method in ('darts_v1', 'darts_v2', 'pc_darts')
            for nodes in (3, 5)
        },
    },
)
