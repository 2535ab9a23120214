# Rows of other backbones in both PC-DARTS Table 5 and P-DARTS Table 4; the former's YOLOv2 and Pelee have no protocol.
# The papers do not give the weights' source: files of timm's models, trained on ImageNet. VGG-16, whose protocol has
# Caffe's preprocessing, takes MMDetection's initial weights.
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
