# The rows of other backbones that PC-DARTS Table 5 and P-DARTS Table 4 share; there is no protocol for YOLOv2 and
# Pelee, which the former has too. The papers do not say whose weights: files of timm's models, trained on ImageNet, and
# for VGG-16, whose protocol prepares images as Caffe does, those that MMDetection starts from.
_base_ = '_base_/published_costs.py'
task = 'pipeline'
parts = [
    dict(
        baselines=[dict(architecture='timm:vgg16', weights='{{$WILDNAS_DATA:data}}/weights/vgg16_caffe.pth')],
        transfers=['detection/coco_ssd300_vgg16', 'detection/coco_ssd512_vgg16'],
    ),
    dict(
        baselines=[
            dict(architecture=f'timm:{name}', weights='{{$WILDNAS_DATA:data}}/weights/' + name + '.safetensors')
            # SSDLiteV1, V2 and V3; semnasnet is timm's name of MnasNet-A1.
            for name in ('mobilenetv1_100', 'mobilenetv2_100', 'semnasnet_100')
        ],
        transfers=['detection/coco_ssdlite320'],
    ),
]
