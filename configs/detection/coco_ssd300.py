# SSD300, the input size of the first rows of PC-DARTS Table 5 and P-DARTS Table 4 (there over VGG-16).
_base_ = "_base_/coco_ssd.py"
