# 100 epochs: the ablation of partial channels and edge normalisation (PC-DARTS Table 3).
_base_ = 'imagenet_mobile.py'

epochs = 100
