# PC-DARTS on 2,000 real CIFAR-10 images: measures the machinery, not the method.
_base_ = './pc_darts_cifar10.py'
reduced = ['a small subset of CIFAR-10', '4 epochs instead of 50', '5 cells of 8 channels instead of 8 of 16']
proxy = dict(kind='folder', root='{{$WILDNAS_DATA:data}}/cifar10_mini/train')
stages = [dict(epochs=4, frozen_epochs=1, layers=5, channels=8)]
batch_size = 64
architecture = dict(lr=6e-3)
