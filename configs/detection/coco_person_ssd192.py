# SSD at 192 x 192 on the people of a few hundred COCO images (142 of the training images have some): one category can
# be learnt a little from so few, all 80 cannot.
_base_ = "coco_mini_ssd.py"

reduced = [
    "the people of a few hundred images of COCO",
    "192 x 192, 5 cells of width 16, 30 epochs instead of 120 passes",
]
classes = ("person",)
model = dict(bbox_head=dict(num_classes=1))
train_dataloader = dict(dataset=dict(dataset=dict(metainfo=dict(classes=classes))))
val_dataloader = dict(dataset=dict(metainfo=dict(classes=classes)))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=30, val_interval=30)
# A third of coco_mini_ssd's rate, which pretrained weights do not survive.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type="CosineAnnealingLR", T_max=30, eta_min=0, by_epoch=True, begin=0, end=30, convert_to_iter_based=True),
]
