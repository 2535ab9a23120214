# The detection of pipelines/digits_study: three times as many test images as detection/digits_ssd.
_base_ = "digits_ssd.py"

embedded = "digits_study"
data_root = "{{$WILDNAS_DIGITS_STUDY:work/digits_study}}/coco/"
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json")
test_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json", format_only=False, outfile_prefix=None)
# A lower rate than digits_ssd's: two seeds then differ less.
optim_wrapper = dict(optimizer=dict(lr=3e-3))
