# Second-order DARTS on CIFAR-10 (Liu et al., ICLR 2019, 2.3): the gradient goes through one unrolled step of the
# weights, whose rate, xi, is that of their optimiser.
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-v2'
order = 2
