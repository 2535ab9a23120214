# Neither partial channels nor edge normalisation on ImageNet (4.4.2, Table 3: PC no, EN no).
_base_ = './pc_darts_imagenet_k1.py'
method = 'PC-DARTS, K=1, no EN'
edge_normalisation = False
rule = 'darts'  # no beta to multiply alpha by
