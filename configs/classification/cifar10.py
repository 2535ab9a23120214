# CIFAR-10: PC-DARTS Table 1, P-DARTS Table 1.
_base_ = '_base_/cifar.py'

expected = {'train images': 50_000, 'val images': 10_000, 'classes': 10}
images = dict(
    # torchvision's layout, cifar-10-batches-py/ below this folder; images.download=True fetches it.
    kind='cifar10',
    root='{{$WILDNAS_DATA:data}}',
    # Mean and deviation of the training images.
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
)
# 3e-4 (PC-DARTS 4.2; P-DARTS 5.1.2).
optimiser = dict(weight_decay=3e-4)
