# RobustDARTS in its space S3; any other search takes the space the same way.
_base_ = ['./robust_darts_cifar10.py', './_base_/space_s3.py']
method = 'RobustDARTS, S3'
