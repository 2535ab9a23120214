# Scores at initialisation of the network of classification/cifar10, on one batch of 64 images.
_base_ = '../classification/cifar10.py'
task = 'zerocost'
batch = dict(size=64, seed=0)
