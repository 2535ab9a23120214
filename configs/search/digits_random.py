# Random search on the embedded digits, at the multiply-adds of digits_darts (43 billion).
_base_ = './random_cifar10.py'
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
candidates = 20
epochs = 3
layers = 3
channels = 8
weights = dict(lr=0.05)
