# Scores at initialisation of the network of classification/cifar10_study.
_base_ = '../classification/cifar10_study.py'
task = 'zerocost'
batch = dict(size=64, seed=0)
