# ImageNet in the mobile setting: PC-DARTS Table 2, P-DARTS Table 3 (PC-DARTS 4.3; P-DARTS 5.3.2).
task = 'classification'
expected = {'train images': 1_281_167, 'val images': 50_000, 'classes': 1000}
# Three convolutions of stride 2, 12 normal cells and 2 reduction cells, 48 initial channels (both).
network = 'imagenet'
layers = 14
channels = 48
# 224 x 224, less than 600 M multiply-adds (P-DARTS 5.3.2); channels='fit' takes the largest width that keeps to it.
macs_limit = 600_000_000
# Label smoothing and an auxiliary tower (both). The papers give the tower's 0.4 for CIFAR only (P-DARTS 5.1.2); 0.1 is
# that of Szegedy et al. (2016), whom P-DARTS cites for it. DARTS' `train_imagenet.py` has both values.
auxiliary_weight = 0.4
label_smoothing = 0.1
drop_path = 0.0
images = dict(
    train='{{$WILDNAS_DATA:data}}/imagenet/train',
    val='{{$WILDNAS_DATA:data}}/imagenet/val',
    image_size=224,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    memory=False,
    # The papers are silent. DARTS': a random resized crop of 8 to 100 % of the area, colour jitter, flips; validation
    # on the central 224 of 256 pixels.
    decoding=dict(workers=4, crop_scale=(0.08, 1.0), colour_jitter=(0.4, 0.4, 0.4, 0.2)),
    augmentation=dict(crop_padding=0, flip=True, cutout=0),
)
# 250 epochs, batch 1,024 (both); the defaults of both codes are a batch of 256 and a rate of 0.1. The last short batch
# of an epoch is left out; both codes train on it. On one GPU that the batch does not fit: execution.accumulate=4.
epochs = 250
batch_size = 1024
optimiser = dict(
    # From 0.5 down to 0, linearly, after 5 epochs of warm-up; momentum 0.9; weight decay 3e-5 (both). Neither paper
    # says how the rate warms up: in equal steps, 0.5 (e + 1) / 6 in epoch e from 0 on, so that epoch 5 is the first
    # with 0.5, from which it falls by 0.5 / 245 an epoch. Both codes differ: linear decay from the first epoch on,
    # 0.5 (245 - e) / 245, times (e + 1) / 5 in the first five epochs, and a low tail in the last five, 0.5 k / 1,225
    # with k falling from 5 to 1 in PC-DARTS' code and rising from 1 to 5 in P-DARTS'.
    lr=0.5,
    schedule='linear',
    warmup_epochs=5,
    momentum=0.9,
    weight_decay=3e-5,
    # DARTS'; the papers are silent.
    clip_norm=5.0,
)
