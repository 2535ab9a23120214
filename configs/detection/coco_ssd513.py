# SSD513, which P-DARTS Table 4 has over ResNet-101 (31.2 AP at 43.4 B): ARCH timm:resnet101.
# P-DARTS takes the row from Duan et al. (2019). The detector is that of Fu et al. (DSSD, 2017), who leave out the last
# halving of ResNet-101 and predict through residual blocks; here it is the same SSD as for other backbones.
_base_ = "_base_/coco_ssd.py"

input_size = 513
# The anchors of SSD512 on COCO (ssd512_coco.py), which has as many maps.
model = dict(input_size=input_size, anchor_percents=(4, 10, 90))

train_pipeline = _base_.train_pipeline
train_pipeline[4].update(scale=(input_size, input_size))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(input_size, input_size))

train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
