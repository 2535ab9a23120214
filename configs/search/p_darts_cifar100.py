# P-DARTS on CIFAR-100 (5.1, 5.1.1): as on CIFAR-10 but for the dropout behind skip connections.
_base_ = './p_darts_cifar10.py'
proxy = dict(
    # torchvision's layout: cifar-100-python/ below the root.
    kind='cifar100',
    root='{{$WILDNAS_DATA:data}}',
    # The papers are silent: mean and standard deviation of the training images, as everywhere.
    mean=(0.5071, 0.4867, 0.4408),
    std=(0.2675, 0.2565, 0.2761),
)
stages = [
    dict(epochs=25, frozen_epochs=10, layers=5, channels=16, skip_dropout=0.1),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=16, skip_dropout=0.2, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=17, channels=16, skip_dropout=0.3, keep=3),
]
