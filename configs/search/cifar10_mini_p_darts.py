# P-DARTS on 2,000 real CIFAR-10 images: measures the machinery, not the method.
_base_ = './p_darts_cifar10.py'
reduced = [
    'a small subset of CIFAR-10',
    '2 epochs a stage instead of 25',
    '3, 5, 7 cells of 8 channels instead of 5, 11, 17 of 16',
]
proxy = dict(kind='folder', root='{{$WILDNAS_DATA:data}}/cifar10_mini/train')
stages = [
    dict(epochs=2, frozen_epochs=1, layers=3, channels=8, skip_dropout=0.0),
    dict(epochs=2, frozen_epochs=1, layers=5, channels=8, skip_dropout=0.4, keep=5),
    dict(epochs=2, frozen_epochs=1, layers=7, channels=8, skip_dropout=0.7, keep=3),
]
batch_size = 64
weights = dict(lr=0.05)
architecture = dict(lr=6e-3)
