# RobustDARTS in its space S1; any other search with a supernet takes the space the same way.
_base_ = ['./robust_darts_cifar10.py', './_base_/space_s1.py']
method = 'RobustDARTS, S1'
