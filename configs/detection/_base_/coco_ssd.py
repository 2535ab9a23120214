# SSD on COCO over a cell network or a model of timm, shared by all detection protocols that take any ARCH.
# PC-DARTS 4.5 and P-DARTS 5.4.1 say: SSD (Liu et al. 2016), trained on trainval35k (today's train2017); P-DARTS also:
# pretrained on ImageNet. They are silent on optimiser, schedule, augmentation, extra layers and anchors. These are from
# MMDetection's ssd300_coco.py, which follows SSD, except as noted below.
_base_ = "coco.py"

input_size = 300

model = dict(
    type="WildnasSSD",
    input_size=input_size,
    # SSD's widths of the extra maps; their number, strides and paddings follow from the input size.
    extra_channels=(512, 256),
    # SSD300 on COCO: anchors of 7 % of the input size on the first map, 15 % on the second, 90 % on the last.
    anchor_percents=(7, 15, 90),
    # These backbones were trained on images normalised like this, not with ssd300_coco.py's Caffe mean alone.
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(
        _delete_=True,
        type="WildnasCellBackbone",
        genotype="PDARTS",
        # 14 cells, C = 48: the papers' ImageNet network. Taps at strides 8, 16 and 32, where VGG has 8 and 16 only.
        channels=48,
        layers=14,
        # Everything is fine-tuned, BatchNorm's statistics too, as in MMDetection's SSD and SSDLite with 8 and 24 images
        # a device. MMDetection freezes stem and statistics (frozen_stages=1, norm_eval=True, retinanet_r50_fpn.py)
        # for 2 images a device; a run with as few should do the same.
        frozen_stages=0,
        norm_eval=False,
        # No drop-path in fine-tuning: SSD has no dropout, but strong augmentation.
        drop_path=0.0,
    ),
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

# MMDetection's rate for fine-tuning the pretrained VGG (ssd300_coco.py), for all layers: 2e-3 for 64 images, with a
# warm-up of 500 steps, divided by 10 after epochs 16 and 22 of 24.
optim_wrapper = dict(optimizer=dict(type="SGD", lr=2e-3, momentum=0.9, weight_decay=5e-4))
