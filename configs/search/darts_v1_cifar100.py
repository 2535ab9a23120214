# First-order DARTS on CIFAR-100 (P-DARTS 5.1.1: "with DARTS using the code released by the authors", which gave
# "architectures full of skip-connects"). The paper does not give the order. All but the data is as on CIFAR-10.
_base_ = './darts_v1_cifar10.py'
proxy = dict(
    # torchvision's layout: cifar-100-python/ below the root.
    kind='cifar100',
    root='{{$WILDNAS_DATA:data}}',
    # The papers are silent: mean and standard deviation of the training images, as everywhere.
    mean=(0.5071, 0.4867, 0.4408),
    std=(0.2675, 0.2565, 0.2761),
)
