# The classification of pipelines/digits_study: 26 to 28 training images of each digit, and 1,528 test images, enlarged
# to 64 x 64, so that the cells' maps are 8 x 8 to 2 x 2 and their operations matter.
_base_ = 'digits.py'
embedded = 'digits_study'
images = dict(
    train='{{$WILDNAS_DIGITS_STUDY:work/digits_study}}/classification/train',
    val='{{$WILDNAS_DIGITS_STUDY:work/digits_study}}/classification/val',
    image_size=64,
    resize=True,
    augmentation=dict(crop_padding=8),
)
# Six channels, and a low rate: with more, all cells err alike; at a higher rate, two seeds of a cell differ more than
# two cells do.
channels = 6
optimiser = dict(lr=0.03)
epochs = 16
validate_every = 16
