# CIFAR-10 with every image as a JPEG file, in zip files of <class>/<image>: about 1 dB off the original pixels.
_base_ = 'cifar10.py'

reduced = ['images as JPEG files']
images = dict(
    kind='folder',
    root=None,
    train='{{$WILDNAS_DATA:data}}/cifar10_full/train.zip',
    val='{{$WILDNAS_DATA:data}}/cifar10_full/test.zip',
)
