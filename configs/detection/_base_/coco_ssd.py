# SSD on COCO over a cell network, shared by all detection protocols.
# PC-DARTS 4.5 and P-DARTS 5.4.1 say: SSD (Liu et al. 2016), pretrained on ImageNet, trained on trainval35k (today's
# train2017). They are silent on optimiser, schedule, augmentation, extra layers and anchors: these are MMDetection's
# ssd300_coco.py, that is SSD's own, but for what is marked below.
_base_ = "mmdet::ssd/ssd300_coco.py"

custom_imports = dict(imports=["bench.detection.components"], allow_failed_imports=False)
task = "detection"
# Both papers start from weights pretrained on ImageNet; a run without any is marked.
pretrained = True

data_root = "{{$WILDNAS_DATA:data}}/coco/"
input_size = 300

model = dict(
    type="WildnasSSD",
    input_size=input_size,
    # SSD's widths of the extra maps; how many there are, their strides and paddings follow from the input size.
    extra_channels=(512, 256),
    # SSD300 on COCO: anchors of 7 % of the input size on the first map, 15 % on the second, 90 % on the last.
    anchor_percents=(7, 15, 90),
    # Not ssd300_coco.py's Caffe mean without a deviation: these backbones were trained on images normalised like this.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    # 14 cells, C = 48: the papers' ImageNet network. Taps at strides 8, 16 and 32, where VGG has 8 and 16 only.
    backbone=dict(_delete_=True, type="WildnasCellBackbone", genotype="PDARTS", channels=48, layers=14),
    # SSD scales VGG's first map by an L2 norm, since it has no BatchNorm; the cells have one on every edge.
    neck=dict(_delete_=True, type="SSDNeck", l2_norm_scale=None),
    bbox_head=dict(
        _delete_=True,
        type="WildnasSSDHead",
        num_classes=80,
        bbox_coder=dict(
            type="DeltaXYWHBBoxCoder", target_means=[0.0, 0.0, 0.0, 0.0], target_stds=[0.1, 0.1, 0.2, 0.2]
        ),
    ),
)

# Five passes an epoch, 24 epochs (ssd300_coco.py): 120 passes.
train_dataloader = dict(persistent_workers=False, dataset=dict(dataset=dict(data_root=data_root)))
val_dataloader = dict(persistent_workers=False, dataset=dict(data_root=data_root))
val_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json")

# The papers' numbers are of test-dev, whose annotations only COCO's server has: MMDetection's tools/test.py writes the
# file to hand in. A record is always of val2017.
test_dataloader = dict(
    persistent_workers=False,
    dataset=dict(
        data_root=data_root,
        ann_file="annotations/image_info_test-dev2017.json",
        data_prefix=dict(img="test2017/"),
    ),
)
test_evaluator = dict(
    ann_file=data_root + "annotations/image_info_test-dev2017.json",
    format_only=True,
    outfile_prefix="work/detections_test-dev2017",
)

# ssd300_coco.py's learning rate is for 8 devices of 8 images; on fewer it is scaled down.
auto_scale_lr = dict(enable=True, base_batch_size=64)
default_hooks = dict(checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2))
