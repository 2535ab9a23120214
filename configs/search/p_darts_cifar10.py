# P-DARTS on CIFAR-10 (Chen et al., journal version, section 5.1.1).
_base_ = './_base_/cifar10.py'
method = 'P-DARTS'
nodes = 4
stages = [
    dict(epochs=25, frozen_epochs=10, layers=5, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=16, skip_dropout=0.4, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=17, channels=16, skip_dropout=0.7, keep=3),
]
batch_size = 96
# The paper is silent on the weights' optimiser but for "identical to DARTS": SGD 0.025 to 0.001, cosine (DARTS 3.1).
weights = dict(lr=0.025, final_lr=0.001, momentum=0.9, weight_decay=3e-4, clip_norm=5.0)
architecture = dict(lr=6e-4, betas=(0.5, 0.999), weight_decay=1e-3)
rule = 'p-darts'
max_skips = 2
