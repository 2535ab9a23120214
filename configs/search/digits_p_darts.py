# P-DARTS on the embedded digits: the paper's method at a size for two CPU cores.
_base_ = './p_darts_cifar10.py'
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
stages = [
    dict(epochs=8, frozen_epochs=1, layers=3, channels=8, skip_dropout=0.0),
    dict(epochs=8, frozen_epochs=1, layers=5, channels=8, skip_dropout=0.4, keep=5),
    dict(epochs=8, frozen_epochs=1, layers=7, channels=8, skip_dropout=0.7, keep=3),
]
batch_size = 64
weights = dict(lr=0.05)
architecture = dict(lr=6e-3)
