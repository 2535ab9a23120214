# SSDLite320 (Sandler et al. 2018, section 6.2): SSD with depthwise separable convolutions in extra layers and heads.
# PC-DARTS Table 5 and P-DARTS Table 4 compare with it over MobileNetV1, MobileNetV2 and MnasNet-A1 (22.2, 22.1 and 23.0
# AP): ARCH timm:mobilenetv1_100, timm:mobilenetv2_100 and timm:semnasnet_100, which is timm's name of MnasNet-A1.
# Layers, anchors and initialisation are those of MMDetection's ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py.
_base_ = "_base_/coco_ssd.py"

input_size = 320

model = dict(
    input_size=input_size,
    extra_channels=(512, 256, 256, 128),
    halve_to_one=True,
    # Two taps, as there. MobileNetV2's second is timm's last block, before the 1x1 convolution to 1280 channels.
    backbone=dict(out_strides=(16, 32)),
    neck=dict(
        use_depthwise=True,
        norm_cfg=dict(type="BN", eps=0.001, momentum=0.03),
        act_cfg=dict(type="ReLU6"),
        init_cfg=dict(type="TruncNormal", layer="Conv2d", std=0.03),
    ),
    bbox_head=dict(
        use_depthwise=True,
        norm_cfg=dict(type="BN", eps=0.001, momentum=0.03),
        act_cfg=dict(type="ReLU6"),
        init_cfg=dict(type="Normal", layer="Conv2d", std=0.001),
        anchor_generator=dict(
            type="SSDAnchorGenerator",
            scale_major=False,
            strides=[16, 32, 64, 107, 160, 320],
            ratios=[[2, 3], [2, 3], [2, 3], [2, 3], [2, 3], [2, 3]],
            min_sizes=[48, 100, 150, 202, 253, 304],
            max_sizes=[100, 150, 202, 253, 304, 320],
        ),
    ),
)

train_pipeline = _base_.train_pipeline
train_pipeline[4].update(scale=(input_size, input_size))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(input_size, input_size))

train_dataloader = dict(batch_size=24, dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

# Batch, rate, decay and cosine of MMDetection's SSDLite, but SSD's 120 passes: its 600 are for training from scratch.
optim_wrapper = dict(optimizer=dict(lr=0.015, weight_decay=4e-5))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type="CosineAnnealingLR", begin=0, end=24, T_max=24, by_epoch=True, eta_min=0),
]
auto_scale_lr = dict(base_batch_size=192)
