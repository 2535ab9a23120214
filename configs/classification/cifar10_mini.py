# The CIFAR recipe on 200 images of each class: all 20 cells, a few epochs. Measures the machinery, not the method.
_base_ = 'cifar10.py'

reduced = ['200 images of each class of CIFAR-10', '4 epochs', 'C=16']
expected = dict(_delete_=True)
images = dict(
    kind='folder',
    root=None,
    train='{{$WILDNAS_DATA:data}}/cifar10_mini/train',
    val='{{$WILDNAS_DATA:data}}/cifar10_mini/test',
)
channels = 16
epochs = 4
batch_size = 32
