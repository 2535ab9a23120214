# PC-DARTS with K = 1 (4.4.1, Fig. 3: sampling rate 1/1); this is also Table 3's row with EN and without PC.
_base_ = './pc_darts_cifar10.py'
method = 'PC-DARTS, K=1'
partial_channels = 1
# Batch 64 K, also for K = 2 and 8: partial channels allow "a K times larger batch size" than DARTS' 64 (1; 3.2; 4.2:
# 256 for K = 4). The paper is silent on the rate: in proportion to the batch from its 0.1 at 256, which gives DARTS'
# 0.025.
batch_size = 64
weights = dict(lr=0.025)
