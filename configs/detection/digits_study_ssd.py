# The detection of pipelines/digits_study: three times as many test images as detection/digits_ssd.
_base_ = "digits_ssd.py"

embedded = "digits_study"
data_root = "{{$WILDNAS_DIGITS_STUDY:work/digits_study}}/coco/"
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json")
test_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json", format_only=False, outfile_prefix=None)
# The width of the classification network, and predictions from the cells' maps themselves, as SSD makes them: behind
# another convolution all cells detect alike.
model = dict(backbone=dict(channels=6), bbox_head=dict(stacked_convs=0))
# Twice as long as digits_ssd, and at a lower rate: two seeds then differ less.
optim_wrapper = dict(optimizer=dict(lr=3e-3))
train_cfg = dict(max_epochs=16, val_interval=16)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type="CosineAnnealingLR", T_max=16, eta_min=0, by_epoch=True, begin=0, end=16, convert_to_iter_based=True),
]
