# SSD at 128 x 128 on the embedded digits: a whole detection protocol within a minute on two cores.
_base_ = "_base_/coco_ssd.py"

embedded = "digits"
# Not COCO 2017's counts.
expected = dict(_delete_=True)

data_root = "{{$WILDNAS_DIGITS:work/digits}}/coco/"
input_size = 128
classes = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

model = dict(
    input_size=input_size,
    extra_channels=(128, 64),
    # Digits are 20 to 64 pixels high, and about two thirds as wide.
    anchor_percents=(20, 35, 80),
    # Width and depth of the classification network that gives the weights.
    backbone=dict(channels=16, layers=5),
    # BatchNorm behind the extra layers, to learn in 300 steps. One convolution before each map's predictions, since the
    # first map, which finds half of the digits, has only one cell before it.
    neck=dict(norm_cfg=dict(type="BN")),
    bbox_head=dict(num_classes=10, stacked_convs=1, feat_channels=64, norm_cfg=dict(type="BN")),
)

# Milder than SSD's augmentation, which is for 120 passes over COCO, not eight over digits; no mirroring.
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(input_size, input_size), keep_ratio=False),
    dict(
        type="RandomAffine",
        max_rotate_degree=4.0,
        max_translate_ratio=0.1,
        scaling_ratio_range=(0.8, 1.25),
        max_shear_degree=2.0,
        border_val=(44, 44, 44),
    ),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(input_size, input_size), keep_ratio=False),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type="CocoDataset",
        data_root=data_root,
        metainfo=dict(classes=classes),
        ann_file="annotations/instances_train2017.json",
        data_prefix=dict(img="train2017/"),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=0,
    dataset=dict(
        data_root=data_root,
        metainfo=dict(classes=classes),
        ann_file="annotations/instances_val2017.json",
        data_prefix=dict(img="val2017/"),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json")
test_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json", format_only=False, outfile_prefix=None)

train_cfg = dict(max_epochs=8, val_interval=8)
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=5e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type="CosineAnnealingLR", T_max=8, eta_min=0, by_epoch=True, begin=0, end=8, convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=False)
default_hooks = dict(checkpoint=dict(interval=4))
