# The ImageNet recipe on 20 classes of Tiny ImageNet at 64 x 64, through workers: all 14 cells, a few epochs. Measures
# the machinery, not the method.
_base_ = 'imagenet_mobile.py'

reduced = ['20 of 200 classes of Tiny ImageNet at 64 x 64, a part of their images', '5 epochs', 'batch 32']
expected = dict(_delete_=True)
macs_limit = None
images = dict(
    train='{{$WILDNAS_DATA:data}}/tiny_imagenet_20/train',
    val='{{$WILDNAS_DATA:data}}/tiny_imagenet_20/val',
    image_size=64,
    decoding=dict(workers=2),
)
epochs = 5
batch_size = 32
# The rate goes with the batch, 32 instead of 1,024 (Goyal et al. 2017).
optimiser = dict(lr=0.5 * 32 / 1024, warmup_epochs=1)
