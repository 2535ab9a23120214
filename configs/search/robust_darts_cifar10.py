# DARTS with the early stopping of RobustDARTS on CIFAR-10 (Zela et al., ICLR 2020): the largest eigenvalue of the
# validation loss' Hessian for alpha, averaged over 5 epochs, is compared with that of 5 epochs before. The ratio of 1.3
# and the first epoch of 10 are those of the authors' code (RobustDARTS, search/args.py, whose windows are 4 apart). The
# rest is DARTS; drop-path and larger weight decay, the paper's other remedies, are not used. Measured after every
# epoch, on its last batch.
_base_ = './darts_v1_cifar10.py'
method = 'RobustDARTS'
weights = dict(final_lr=0.001)
architecture = dict(stop=dict(type='curvature', window=5, lag=5, ratio=1.3, first=10))
