# COCO 2017 with MMDetection's ssd300_coco.py, including VGG-16: data, counts of a full run, test part. All SSD
# protocols inherit this file.
_base_ = "mmdet::ssd/ssd300_coco.py"

custom_imports = dict(imports=["bench.detection.components"], allow_failed_imports=False)
task = "detection"
# P-DARTS 5.4.1 starts from weights pretrained on ImageNet. PC-DARTS 4.5 does not say; the same is assumed. A run
# without any is marked.
pretrained = True
# The papers' trainval35k is train2017 of COCO 2017; the 5,000 images that it leaves out are val2017.
expected = {"train images": 118287, "val images": 5000}
# A whole number trains and scores on that many images of each part.
limit = None

data_root = "{{$WILDNAS_DATA:data}}/coco/"

# Five passes an epoch, 24 epochs (ssd300_coco.py): 120 passes.
train_dataloader = dict(persistent_workers=False, dataset=dict(dataset=dict(data_root=data_root)))
val_dataloader = dict(persistent_workers=False, dataset=dict(data_root=data_root))
val_evaluator = dict(ann_file=data_root + "annotations/instances_val2017.json")

# The papers' numbers are of test-dev, whose annotations only COCO's server has. `wildnas test-dev` and MMDetection's
# tools/test.py write the file to submit. A record is always of val2017.
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

# The learning rate is for 8 devices of 8 images (ssd300_coco.py); on fewer it is scaled down.
auto_scale_lr = dict(enable=True, base_batch_size=64)
default_hooks = dict(checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2))
