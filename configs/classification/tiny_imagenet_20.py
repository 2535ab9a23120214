# 20 classes of Tiny ImageNet on a small ImageNet network: measures the machinery, not the method.
task = 'classification'
reduced = ['20 of 200 classes of Tiny ImageNet, a part of their images', '6 epochs', '5 cells, C=16']
network = 'imagenet'
channels = 16
layers = 5
auxiliary_weight = 0.4
drop_path = 0.0
label_smoothing = 0.1
images = dict(
    train='{{$WILDNAS_DATA:data}}/tiny_imagenet_20/train',
    val='{{$WILDNAS_DATA:data}}/tiny_imagenet_20/val',
    image_size=64,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    augmentation=dict(crop_padding=8, flip=True, cutout=0),
)
epochs = 6
batch_size = 32
optimiser = dict(lr=0.1, momentum=0.9, weight_decay=3e-4, clip_norm=5.0, schedule='cosine', warmup_epochs=1)
