# SSD300 over VGG-16, the first row of PC-DARTS Table 5 and P-DARTS Table 4 (23.2 AP): MMDetection's ssd300_coco.py,
# with its two taps, L2 norm and the Caffe preprocessing of its weights. ARCH must be timm:vgg16.
_base_ = "_base_/coco.py"

architecture = "timm:vgg16"
model = dict(
    # Weights come from --weights FILE, such as OpenMMLab's vgg16_caffe, not from a URL. Weights of torchvision or timm
    # need model.data_preprocessor.std=[58.395, 57.12, 57.375].
    backbone=dict(type="WildnasSSDVGG", init_cfg=None),
    # MMDetection's own head cannot be trained since 3.2.
    bbox_head=dict(type="WildnasSSDHead"),
)
