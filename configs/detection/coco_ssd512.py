# SSD512: P-DARTS Table 4 (31.8 to 34.1 AP at 2.9 to 3.1 B).
_base_ = "_base_/coco_ssd.py"

input_size = 512
# SSD512 on COCO (ssd512_coco.py): smaller first anchors, and one more map than SSD300.
model = dict(input_size=input_size, anchor_percents=(4, 10, 90))

train_pipeline = _base_.train_pipeline
train_pipeline[4].update(scale=(input_size, input_size))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(input_size, input_size))

train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
