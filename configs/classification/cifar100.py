# CIFAR-100: P-DARTS Table 1.
_base_ = '_base_/cifar.py'

expected = {'train images': 50_000, 'val images': 10_000, 'classes': 100}
images = dict(
    # torchvision's layout, cifar-100-python/ below this folder; images.download=True fetches it.
    kind='cifar100',
    root='{{$WILDNAS_DATA:data}}',
    # Mean and deviation of the training images.
    mean=(0.5071, 0.4867, 0.4408),
    std=(0.2675, 0.2565, 0.2761),
)
# 5e-4 on CIFAR-100 (P-DARTS 5.1.2); the authors' code has CIFAR-10's 3e-4.
optimiser = dict(weight_decay=5e-4)
