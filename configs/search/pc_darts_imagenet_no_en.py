# PC-DARTS on ImageNet without edge normalisation (4.4.2, Table 3: PC yes, EN no).
_base_ = './pc_darts_imagenet.py'
method = 'PC-DARTS, no EN'
edge_normalisation = False
rule = 'darts'  # no beta to multiply alpha by
