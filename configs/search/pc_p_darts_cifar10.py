# P-DARTS with partial channels and edge normalisation: PC-DARTS 4.2 suggests it ("we can integrate our approach into
# P-DARTS to accelerate it as well as improve its performance") and no paper specifies it. Stages, dropout, epochs and
# skip restriction are P-DARTS' (5.1.1); K, edge normalisation, the batch and rate that go with K, and the rule are
# PC-DARTS' (4.2, 3.3). alpha's gradient is clipped as in P-DARTS' code.
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS + PC'
partial_channels = 4
edge_normalisation = True
batch_size = 256
weights = dict(lr=0.1)
rule = 'pc-darts'
