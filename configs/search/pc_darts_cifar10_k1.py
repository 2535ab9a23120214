# PC-DARTS with K = 1 (4.4.1, Fig. 3: sampling rate 1/1); this is also Table 3's row with EN and without PC.
_base_ = './pc_darts_cifar10.py'
method = 'PC-DARTS, K=1'
partial_channels = 1
# K times DARTS' 64: partial channels allow "a K times larger batch size" (3.2; 4.2: from 64 to 256 for K = 4). The
# paper is silent on the rate: in proportion to the batch, through its own 0.1 at 256, which at 64 is DARTS' 0.025.
batch_size = 64
weights = dict(lr=0.025)
