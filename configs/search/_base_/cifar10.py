# CIFAR-10 as a proxy: the training images in two halves, with DARTS' augmentation, which neither paper changes.
task = 'search'
proxy = dict(
    # The training images as an image folder, <class>/<image>, which retraining reads as well. Torchvision's layout is
    # kind='cifar10' with the folder of cifar-10-batches-py/ as root.
    root='{{$WILDNAS_DATA:data}}/cifar10/train',
    image_size=32,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    augmentation=dict(crop_padding=4, flip=True, cutout=0),
)
