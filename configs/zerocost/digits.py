# Scores at initialisation of the network of classification/digits.
_base_ = '../classification/digits.py'
task = 'zerocost'
batch = dict(size=64, seed=0)
