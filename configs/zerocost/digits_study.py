# Scores at initialisation of the network of classification/digits_study.
_base_ = '../classification/digits_study.py'
task = 'zerocost'
batch = dict(size=64, seed=0)
