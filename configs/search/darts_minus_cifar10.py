# DARTS- on CIFAR-10 (Chu et al., ICLR 2021): an auxiliary skip connection beside the candidates of every edge, whose
# weight falls linearly from 1 to 0 over the epochs. The rest is DARTS, as in the authors' code (DARTS-, src/search/
# args.py and scripts/run_darts_minus.sh). The candidates are DARTS' eight; those of the code's DARTS space were not
# looked up.
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-minus'
weights = dict(final_lr=0.001)
architecture = dict(auxiliary_skip=dict(weight=dict(start=1.0, end=0.0, reached=False)))
