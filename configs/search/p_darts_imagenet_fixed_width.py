# P-DARTS on ImageNet "without progressively increasing the network width" (5.3.1), which "resulted in worse
# classification performance": the first stage's 16 channels in all stages.
_base_ = './p_darts_imagenet.py'
method = 'P-DARTS, fixed width'
stages = [
    dict(epochs=25, frozen_epochs=10, layers=5, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=8, channels=16, skip_dropout=0.3, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=16, skip_dropout=0.6, keep=3),
]
