# DARTS with the early stopping of RobustDARTS on CIFAR-10 (Zela et al., ICLR 2020, 4.3): the largest eigenvalue of the
# validation loss' Hessian for alpha, averaged over 5 epochs, is compared with that of 5 epochs before. The window, the
# ratio of 1.3 and the first epoch are those of the authors' code (RobustDARTS, src/search/args.py, which counts epochs
# from 0 and has 10). Departures: the code measures every second epoch (scripts/DARTS-ADA_search.sh), so that its 5
# values cover 10 epochs, and compares windows that are 4 values apart, 8 epochs; it adds Adam's weight decay to the
# loss; and it searches by the second order. The rest is DARTS; drop-path and larger weight decay, the paper's other
# remedies, are not used. Measured after every epoch, on its last batch, not augmented.
_base_ = './darts_v1_cifar10.py'
method = 'RobustDARTS'
weights = dict(final_lr=0.001)
architecture = dict(stop=dict(type='curvature', window=5, lag=5, ratio=1.3, first=11))
