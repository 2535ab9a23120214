# RobustDARTS in its space S4; any other search takes the space the same way.
_base_ = ['./robust_darts_cifar10.py', './_base_/space_s4.py']
method = 'RobustDARTS, S4'
