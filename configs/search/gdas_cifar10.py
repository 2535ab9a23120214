# GDAS on CIFAR-10 (Dong and Yang, CVPR 2019): one candidate an edge, drawn by Gumbel noise, with a straight-through
# gradient. Numbers of the authors' code (AutoDL-Projects, search-opts/ and search-archs/GDAS-NASNet-CIFAR.config,
# GDAS.py and GDAS-search-NASNet-space.sh). Departures: the code computes the drawn candidate only, here all are
# computed, with the same outputs and gradients. Its Nesterov momentum is plain momentum here, its weights step before
# alpha, its pools have no BatchNorm, and its genotype may take both inputs of a node from one edge.
_base_ = './darts_v1_cifar10.py'
method = 'GDAS'
stages = [dict(epochs=250, frozen_epochs=0, layers=8, channels=16)]
batch_size = 256
weights = dict(final_lr=0.001, weight_decay=5e-4)
# tau falls linearly from 10 in the first epoch to 0.1 in the last.
architecture = dict(relaxation=dict(type='gumbel', temperature=dict(start=10.0, end=0.1)))
