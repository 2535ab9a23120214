# Random search on CIFAR-10 (as a baseline of a search: Li and Talwalkar, UAI 2019): genotypes drawn uniformly from
# DARTS' space, each trained for a few epochs on one half of the images; the most accurate on the other half is taken.
# The budget is about the multiply-adds of darts_v1_cifar10 (2,250 trillion): 68 trainings of 10 epochs of a network of
# the supernet's depth and width. Both numbers are chosen here.
_base_ = './_base_/cifar10.py'
method = 'Random search'
nodes = 4
sampler = dict(type='random')
candidates = 68
epochs = 10
layers = 8
channels = 16
batch_size = 64
# As the weights of darts_v1_cifar10.
weights = dict(lr=0.025, final_lr=0.0, momentum=0.9, weight_decay=3e-4, clip_norm=5.0)
