# FairDARTS on the embedded digits: the method at a size for a minute on one CPU core.
_base_ = './fair_darts_cifar10.py'
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
batch_size = 64
stages = [dict(epochs=5, frozen_epochs=1, layers=3, channels=8)]
weights = dict(lr=0.05, final_lr=0.0)
# α has 40 steps, not 9,750, to bring a sigmoid from 0.5 above the threshold of 0.85.
architecture = dict(lr=0.1)
