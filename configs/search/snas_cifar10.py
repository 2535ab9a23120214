# SNAS on CIFAR-10 (Xie et al., ICLR 2019): concrete samples with a falling temperature, alpha and weights moved by one
# pass. All numbers are those of the authors' code (SNAS-Series, train_search.py and its scheduler of the temperature).
# The code trains on all training images; here on half of them, so that the supernet's accuracy is measured on others,
# as for all methods.
_base_ = './darts_v1_cifar10.py'
method = 'SNAS'
stages = [dict(epochs=150, frozen_epochs=0, layers=8, channels=16)]
weights = dict(final_lr=0.001)
architecture = dict(
    # Annealed linearly from 1 to 0.03.
    relaxation=dict(type='concrete', temperature=dict(start=1.0, end=0.03)),
    levels=1,
)
