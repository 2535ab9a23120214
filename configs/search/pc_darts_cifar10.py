# PC-DARTS on CIFAR-10 (Xu et al., ICLR 2020, section 4.2).
task = 'search'
method = 'PC-DARTS'
proxy = dict(
    # CIFAR-10's training images as an image folder, <class>/<image>.
    root='{{$WILDNAS_DATA:data}}/cifar10/train',
    image_size=32,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    # DARTS' augmentation; neither paper changes it for the search.
    augmentation=dict(crop_padding=4, flip=True, cutout=0),
)
nodes = 4  # the paper's N = 6 counts the two input nodes
partial_channels = 4  # K
edge_normalisation = True
stages = [dict(epochs=50, frozen_epochs=15, layers=8, channels=16)]
batch_size = 256
weights = dict(lr=0.1, final_lr=0.0, momentum=0.9, weight_decay=3e-4, clip_norm=5.0)
architecture = dict(lr=6e-4, betas=(0.5, 0.999), weight_decay=1e-3)
rule = 'pc-darts'
