# PC-DARTS on the embedded digits: the paper's method at a size for two CPU cores.
_base_ = './pc_darts_cifar10.py'
embedded = 'digits'
proxy = dict(
    kind='folder',
    root='{{$WILDNAS_DIGITS:work/digits}}/classification/train',
    image_size=8,  # their native size
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    # Mirrored digits are not digits.
    augmentation=dict(crop_padding=1, flip=False),
)
stages = [dict(epochs=10, frozen_epochs=2, layers=5, channels=8)]
batch_size = 64
architecture = dict(lr=6e-3)
