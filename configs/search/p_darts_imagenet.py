# P-DARTS on ImageNet (Chen et al., journal version, section 5.3.1): "a similar configuration to the one used on CIFAR10
# except for some minor changes", so the rest is from 5.1.1.
_base_ = './_base_/imagenet.py'
method = 'P-DARTS'
# "A 100-class subset of the training images" (5.3): all images of these classes, in two equal halves as in 5.1.
proxy = dict(classes=100)
stem = 'imagenet'  # the mobile setting's three convolutions of stride 2 (5.3.2; PC-DARTS 4.3)
nodes = 4
stages = [
    dict(epochs=25, frozen_epochs=10, layers=5, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=8, channels=28, skip_dropout=0.3, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=40, skip_dropout=0.6, keep=3),
]
skip_dropout_decay = 0.2
# The paper is silent on batch, rate and weight decay here, and its code has no search on ImageNet: those of 5.1.1, with
# no warm-up of the rate. PC-DARTS 4.3 has a rate of 0.5 and a weight decay of 3e-5 at a batch of 1,024.
batch_size = 96
weights = dict(lr=0.025, final_lr=0.0, momentum=0.9, weight_decay=3e-4, clip_norm=5.0)
# Clipped as in the code of the search on CIFAR-10.
architecture = dict(lr=6e-4, betas=(0.5, 0.999), weight_decay=1e-3, clip_norm=5.0)
rule = 'p-darts'
max_skips = 2
