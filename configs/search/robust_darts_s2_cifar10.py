# RobustDARTS in its space S2; any other search takes the space the same way.
_base_ = ['./robust_darts_cifar10.py', './_base_/space_s2.py']
method = 'RobustDARTS, S2'
