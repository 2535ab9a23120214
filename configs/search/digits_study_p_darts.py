# P-DARTS in pipelines/digits_study: it sees the 269 training images only, none that the study tests on.
_base_ = './digits_p_darts.py'
embedded = 'digits_study'
proxy = dict(root='{{$WILDNAS_DIGITS_STUDY:work/digits_study}}/classification/train')
stages = [
    dict(epochs=20, frozen_epochs=7, layers=3, channels=8, skip_dropout=0.0),
    dict(epochs=20, frozen_epochs=7, layers=5, channels=8, skip_dropout=0.4, keep=5),
    dict(epochs=20, frozen_epochs=7, layers=7, channels=8, skip_dropout=0.7, keep=3),
]
batch_size = 32
# α takes 156 steps, 75 times fewer than in the paper.
architecture = dict(lr=3e-2)
