# DARTS-PT on CIFAR-10 (Wang et al., ICLR 2021): DARTS, whose genotype is selected by the supernet's accuracy without
# each candidate. Ten epochs of tuning after each decision at a tenth of the learning rate, as in the authors' code
# (darts-pt, sota/cnn/projection.py). 'none' is never selected.
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-PT'
weights = dict(final_lr=0.001)
selection = dict(type='perturbation', tune_epochs=10, tune_lr=0.0025)
