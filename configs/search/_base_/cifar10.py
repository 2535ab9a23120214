# CIFAR-10 as a proxy: the training images in two halves, with DARTS' augmentation, which neither paper changes.
task = 'search'
proxy = dict(
    # torchvision's layout, cifar-10-batches-py/ below the root, as for retraining. An image folder, or a zip file of
    # one, is kind='folder'.
    kind='cifar10',
    root='{{$WILDNAS_DATA:data}}',
    image_size=32,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    augmentation=dict(crop_padding=4, flip=True, cutout=0),
)
