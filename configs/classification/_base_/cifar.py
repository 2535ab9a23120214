# Retraining on CIFAR as both papers do it (PC-DARTS 4.2 "simply follows that of DARTS"; P-DARTS 5.1.2).
task = 'classification'
# 18 normal cells and 2 reduction cells, 36 initial channels (PC-DARTS 4.2; P-DARTS 5.1.2).
network = 'cifar'
layers = 20
channels = 36
# Auxiliary towers of weight 0.4 and drop-path of probability 0.3 (P-DARTS 5.1.2; PC-DARTS 4.2 has the latter). That
# drop-path grows linearly over the epochs is DARTS' evaluation, which both follow.
auxiliary_weight = 0.4
drop_path = 0.3
images = dict(
    image_size=32,
    # Cutout of length 16 (P-DARTS 5.1.2). Padding by 4, random crops and flips are DARTS', which both papers follow.
    augmentation=dict(crop_padding=4, flip=True, cutout=16),
)
# 600 epochs, batch 128 (PC-DARTS 4.2; P-DARTS 5.1.2). PC-DARTS' code, like DARTS', has 96, P-DARTS' code 128. The last
# short batch of an epoch is left out; both codes train on it.
epochs = 600
batch_size = 128
optimiser = dict(
    # From 0.025 down to 0, cosine without restart; momentum 0.9; gradient norm clipped at 5 (PC-DARTS 4.2). Both codes
    # step the schedule before the epoch, so that they are one step ahead of it.
    lr=0.025,
    schedule='cosine',
    momentum=0.9,
    clip_norm=5.0,
)
