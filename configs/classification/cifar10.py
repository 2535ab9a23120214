# CIFAR-10 as both papers retrain (PC-DARTS 4.2, P-DARTS 5.1.2).
task = 'classification'
network = 'cifar'
channels = 36
layers = 20
auxiliary_weight = 0.4
drop_path = 0.3
images = dict(
    # CIFAR-10 as image folders, <class>/<image>.
    train='{{$WILDNAS_DATA:data}}/cifar10/train',
    val='{{$WILDNAS_DATA:data}}/cifar10/test',
    image_size=32,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    augmentation=dict(crop_padding=4, flip=True, cutout=16),
)
epochs = 600
batch_size = 128
optimiser = dict(lr=0.025, momentum=0.9, weight_decay=3e-4, clip_norm=5.0, schedule='cosine')
