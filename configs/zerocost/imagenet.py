# Scores at initialisation of the network of classification/imagenet_mobile, on one batch of 64 images.
_base_ = '../classification/imagenet_mobile.py'
task = 'zerocost'
batch = dict(size=64, seed=0)
