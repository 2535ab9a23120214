# RetinaNet (Lin et al. 2017) over a cell network or a timm model. It is not in the papers, but an example of using
# these backbones in any MMDetection detector by config. All else is from its retinanet_r50_fpn_1x_coco.py.
_base_ = "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py"

custom_imports = dict(imports=["bench.detection.components"], allow_failed_imports=False)
task = "detection"
pretrained = True
expected = {"train images": 118287, "val images": 5000}
limit = None

data_root = "{{$WILDNAS_DATA:data}}/coco/"

model = dict(
    backbone=dict(
        _delete_=True,
        type="WildnasCellBackbone",
        genotype="PDARTS",
        channels=48,
        layers=14,
        out_strides=(8, 16, 32),
        # Two images a device, so stem and BatchNorm statistics are frozen, as in retinanet_r50_fpn.py.
        frozen_stages=1,
        norm_eval=True,
    ),
    # Five maps from three, as there from four without the first. `wildnas evaluate` sets the widths for other genotypes
    # and models.
    neck=dict(in_channels=[192, 384, 768], start_level=0),
)

train_dataloader = dict(persistent_workers=False, dataset=dict(data_root=data_root))
val_dataloader = dict(persistent_workers=False, dataset=dict(data_root=data_root))
val_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json")
test_dataloader = val_dataloader
test_evaluator = val_evaluator

# 0.01 is for 8 devices of 2 images (retinanet_r50_fpn_1x_coco.py); on fewer it is scaled down.
auto_scale_lr = dict(enable=True, base_batch_size=16)
default_hooks = dict(checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2))
