# DARTS-PT on CIFAR-10 (Wang et al., ICLR 2021): DARTS, whose genotype is selected by the supernet's accuracy without
# each candidate. Five epochs of tuning after each decision (exp_scripts/darts-proj-sota.sh; 10 is only the default of
# train_search.py) at a tenth of the learning rate, as in the authors' code (darts-pt, sota/cnn/projection.py).
# Departures: accuracy is measured on images that are not augmented; and the candidates are DARTS' eight, of which
# 'none' is never selected, while the code's DARTS space has no 'none'.
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-PT'
weights = dict(final_lr=0.001)
selection = dict(type='perturbation', tune_epochs=5, tune_lr=0.0025)
