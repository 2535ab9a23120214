# P-DARTS on CIFAR-10 with the width growing as the depth does (5.2.4, "The width gap": the gain "is limited", and the
# cells tend to 3x3 kernels). The paper is silent on the widths: 5.3.1's 16, 28 and 40.
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS, growing width'
stages = [
    dict(epochs=25, frozen_epochs=10, layers=5, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=28, skip_dropout=0.4, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=17, channels=40, skip_dropout=0.7, keep=3),
]
