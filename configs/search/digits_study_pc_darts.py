# PC-DARTS in pipelines/digits_study: it sees the 269 training images only, none that the study tests on.
_base_ = './digits_pc_darts.py'
embedded = 'digits_study'
proxy = dict(root='{{$WILDNAS_DIGITS_STUDY:work/digits_study}}/classification/train')
stages = [dict(epochs=30, frozen_epochs=10, layers=5, channels=8)]
batch_size = 32
# α takes 80 steps, 42 times fewer than in the paper.
architecture = dict(lr=3e-2)
