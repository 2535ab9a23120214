# PC-DARTS on ImageNet without partial channels (4.4.2, Table 3: PC no, EN yes).
_base_ = './pc_darts_imagenet.py'
method = 'PC-DARTS, K=1'
partial_channels = 1
# The paper is silent on both: half of K = 2's batch (3.2: the batch grows with K), and the rate in proportion to it.
batch_size = 512
weights = dict(lr=0.25)
