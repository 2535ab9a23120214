# A config for MMDetection and its tools: their RetinaNet with a cell network in the place of ResNet-50. Two keys are
# ours: `custom_imports`, which registers the backbone, and the backbone itself. Nothing else in it knows wildnas.
_base_ = "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py"

custom_imports = dict(imports=["bench.detection.components"], allow_failed_imports=False)

model = dict(
    # Normalised like the images that cell networks are trained on; the size that MMDetection pads to is its own.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(
        _delete_=True,
        type="WildnasCellBackbone",
        genotype="PDARTS",  # a zoo name or a genotype as a literal
        channels=16,
        layers=5,
        out_strides=(8, 16, 32),
        weights=None,  # a checkpoint of `wildnas evaluate … --on classification/…`
    ),
    # The widths of the three maps: 4, 8 and 16 times `channels`.
    neck=dict(in_channels=[64, 128, 256], out_channels=64, start_level=0, num_outs=5),
    bbox_head=dict(num_classes=10, in_channels=64, feat_channels=64, stacked_convs=1),
)

data_root = "{{$WILDNAS_DIGITS:work/digits}}/coco/"
classes = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(128, 128), keep_ratio=False),
    dict(type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, metainfo=dict(classes=classes), pipeline=pipeline),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, metainfo=dict(classes=classes), pipeline=pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json")
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=2, val_interval=1)
optim_wrapper = dict(_delete_=True, type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-3))
param_scheduler = [dict(type="LinearLR", start_factor=0.05, by_epoch=False, begin=0, end=20)]
