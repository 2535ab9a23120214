# The embedded digits at 32 x 32, on a small ImageNet network (stem of stride 8), for two CPU cores.
task = 'classification'
embedded = 'digits'
network = 'imagenet'
channels = 16
layers = 5
auxiliary_weight = None
drop_path = 0.0
images = dict(
    train='{{$WILDNAS_DIGITS:work/digits}}/classification/train',
    val='{{$WILDNAS_DIGITS:work/digits}}/classification/val',
    image_size=32,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    augmentation=dict(crop_padding=4, flip=False, cutout=0),
)
epochs = 6
batch_size = 32
optimiser = dict(lr=0.1, momentum=0.9, weight_decay=3e-4, clip_norm=5.0, schedule='cosine')
