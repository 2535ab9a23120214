# SSD512 over VGG-16, the second row of PC-DARTS Table 5 and P-DARTS Table 4 (26.8 AP): MMDetection's ssd512_coco.py.
# ARCH must be timm:vgg16.
_base_ = "coco_ssd300_vgg16.py"

input_size = 512
model = dict(
    neck=dict(
        out_channels=(512, 1024, 512, 256, 256, 256, 256),
        level_strides=(2, 2, 2, 2, 1),
        level_paddings=(1, 1, 1, 1, 1),
        last_kernel_size=4,
    ),
    bbox_head=dict(
        in_channels=(512, 1024, 512, 256, 256, 256, 256),
        anchor_generator=dict(
            input_size=input_size,
            basesize_ratio_range=(0.1, 0.9),
            strides=[8, 16, 32, 64, 128, 256, 512],
            ratios=[[2], [2, 3], [2, 3], [2, 3], [2, 3], [2], [2]],
        ),
    ),
)

train_pipeline = _base_.train_pipeline
train_pipeline[4].update(scale=(input_size, input_size))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(input_size, input_size))

train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
