# PC-DARTS with K = 2 (4.4.1, Fig. 3: sampling rate 1/2).
_base_ = './pc_darts_cifar10.py'
method = 'PC-DARTS, K=2'
partial_channels = 2
# Batch and rate in proportion to K: see pc_darts_cifar10_k1.py.
batch_size = 128
weights = dict(lr=0.05)
