# The classification of pipelines/real_study: a fifth of CIFAR-10's training images, and all test images, enlarged to
# 64 x 64 for the small ImageNet network, whose weights a detector and a re-identifier can start from.
_base_ = 'tiny_imagenet_20.py'

reduced = ['10,000 training images, as JPEG files', '8 epochs', '5 cells, C=16']
images = dict(
    train='{{$WILDNAS_DATA:data}}/cifar10_full/train.zip',
    val='{{$WILDNAS_DATA:data}}/cifar10_full/test.zip',
    resize=True,
)
limit = 10_000
epochs = 8
validate_every = 8
batch_size = 64
