# Fine-tuning on a tenth of CIFAR-10's training images, enlarged to 64 x 64; the same for networks from scratch.
# A lower rate than cifar10_study's, which pretrained weights would not survive.
_base_ = 'cifar10_study.py'

reduced = ['5,000 training images, as JPEG files', '5,000 test images', '4 epochs']
limit = 5_000
epochs = 4
validate_every = 4
optimiser = dict(lr=0.02)
