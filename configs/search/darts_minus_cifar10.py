# DARTS- on CIFAR-10 (Chu et al., ICLR 2021): an auxiliary skip connection beside the candidates of every edge, whose
# weight falls linearly from 1 to 0 over the epochs. The rest is DARTS, as in the authors' code (DARTS-, args.py and
# run_darts_minus.sh).
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-minus'
weights = dict(final_lr=0.001)
architecture = dict(auxiliary_skip=dict(weight=dict(start=1.0, end=0.0, reached=False)))
