# SSD at 192 x 192 on a handful of real COCO images, all 80 categories: the machinery on real input, not a result.
_base_ = "_base_/coco_ssd.py"

reduced = [
    "a few hundred images of COCO",
    "192 x 192, 5 cells of width 16, 6 epochs instead of 120 passes",
]

expected = dict(_delete_=True)
input_size = 192
model = dict(
    input_size=input_size,
    extra_channels=(128, 64),
    backbone=dict(channels=16, layers=5),
    neck=dict(norm_cfg=dict(type="BN")),
)

# Without SSD's Expand, which makes most objects small; small objects are learnt in long trainings only.
train_pipeline = [step for step in _base_.train_pipeline if step["type"] != "Expand"]
train_pipeline[3].update(scale=(input_size, input_size))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(input_size, input_size))

train_dataloader = dict(batch_size=4, num_workers=0, dataset=dict(times=1, dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(
    num_workers=0,
    dataset=dict(
        ann_file="annotations/instances_val2017.json", data_prefix=dict(img="val2017/"), pipeline=test_pipeline
    ),
)
test_dataloader = val_dataloader
test_evaluator = dict(ann_file=_base_.val_evaluator.ann_file, format_only=False, outfile_prefix=None)

train_cfg = dict(max_epochs=6, val_interval=6)
# AdamW: SGD at ssd300_coco.py's rate hardly moves in a few hundred steps.
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=3e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type="CosineAnnealingLR", T_max=6, eta_min=0, by_epoch=True, begin=0, end=6, convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=False)
