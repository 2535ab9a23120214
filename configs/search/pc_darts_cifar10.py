# PC-DARTS on CIFAR-10 (Xu et al., ICLR 2020, section 4.2).
_base_ = './_base_/cifar10.py'
method = 'PC-DARTS'
nodes = 4  # the paper's N = 6 counts the two input nodes
partial_channels = 4  # K
edge_normalisation = True  # 3.3
stages = [dict(epochs=50, frozen_epochs=15, layers=8, channels=16)]
batch_size = 256  # the last short batch of an epoch is left out; the authors' code trains on it
# "Annealed down to zero", as the paper says; of two versions of the authors' code one ends at 0.001, one at 0. The
# paper is silent on clipping in the search: the norm of 5 is DARTS' code's and theirs, of the weights' gradient only.
weights = dict(lr=0.1, final_lr=0.0, momentum=0.9, weight_decay=3e-4, clip_norm=5.0)
architecture = dict(lr=6e-4, betas=(0.5, 0.999), weight_decay=1e-3)
rule = 'pc-darts'  # 3.3: softmax of alpha times softmax of beta
