# P-DARTS 5.2.4 and 5.3.1: networks of one width in all stages, and networks that grow wider as they grow deeper, on
# CIFAR-10 (where the paper's own is of one width) and on ImageNet (where its own grows).
_base_ = '_base_/published_costs.py'
task = 'pipeline'
parts = [
    dict(
        searches=['search/p_darts_cifar10', 'search/p_darts_cifar10_growing_width'],
        retrain='classification/cifar10',
    ),
    dict(
        searches=['search/p_darts_imagenet', 'search/p_darts_imagenet_fixed_width'],
        retrain='classification/imagenet_mobile',
    ),
]
