# SSD320: PC-DARTS Table 5 (28.9 AP at 1.2 B) and P-DARTS Table 4 (27.3 to 29.9 AP at 1.1 to 1.2 B).
_base_ = "_base_/coco_ssd.py"

input_size = 320
model = dict(input_size=input_size)

train_pipeline = _base_.train_pipeline
train_pipeline[4].update(scale=(input_size, input_size))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=(input_size, input_size))

train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
