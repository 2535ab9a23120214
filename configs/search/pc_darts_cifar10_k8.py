# PC-DARTS with K = 8 (4.4.1, Fig. 3: sampling rate 1/8).
_base_ = './pc_darts_cifar10.py'
method = 'PC-DARTS, K=8'
partial_channels = 8
# Batch and rate in proportion to K: see pc_darts_cifar10_k1.py.
batch_size = 512
weights = dict(lr=0.2)
