# SSD300 over VGG-16, the first row of PC-DARTS Table 5 and P-DARTS Table 4 (23.2 AP): MMDetection's ssd300_coco.py,
# with its two taps, L2 norm and Caffe's preprocessing, which its weights are for. ARCH timm:vgg16, and no other.
_base_ = "_base_/coco.py"

architecture = "timm:vgg16"
model = dict(
    # Not by a URL: --weights FILE, such as OpenMMLab's vgg16_caffe. Weights that torchvision or timm trained want
    # model.data_preprocessor.std to be [58.395, 57.12, 57.375].
    backbone=dict(type="WildnasSSDVGG", init_cfg=None),
    # MMDetection's own cannot be trained since 3.2.
    bbox_head=dict(type="WildnasSSDHead"),
)
