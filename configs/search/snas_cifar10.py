# SNAS on CIFAR-10 (Xie et al., ICLR 2019): concrete samples with a falling temperature, alpha and weights moved by one
# pass. Numbers of the authors' code (SNAS-Series, SNAS/train_search.py, and Temp_Scheduler of SNAS/utils.py, which the
# README's command switches on). alpha has the Adam of its search on several GPUs; on one GPU it is moved by plain SGD.
# Departures: the code trains on all training images; here on half of them, so that the supernet's accuracy is measured
# on others, as for all methods. The command's resource penalty and its drop-path of 0.3 are left out. alpha's gradient
# is not clipped (there at a norm of 10), and alpha begins near 0 (there near 1, which only weight decay can tell). The
# genotype has two edges a node and no 'none', as DARTS'; the code's has the best candidate of every edge, also 'none'.
_base_ = './darts_v1_cifar10.py'
method = 'SNAS'
stages = [dict(epochs=150, frozen_epochs=0, layers=8, channels=16)]
weights = dict(final_lr=0.001)
architecture = dict(
    # Annealed linearly from 1 to 0.03, which the last epoch has; the code's first epoch is one step below 1.
    relaxation=dict(type='concrete', temperature=dict(start=1.0, end=0.03)),
    levels=1,
)
