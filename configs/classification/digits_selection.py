# The embedded digits with images held out to choose architectures by, as classification/cifar10_selection does it.
_base_ = 'digits.py'
images = dict(validation=250)
