# Neither partial channels nor edge normalisation (4.4.2, Table 3: PC no, EN no).
# Only those two are taken away here. The paper's row, 3.00 %, has the figures of its Table 1 for first-order DARTS, so
# it may be DARTS' own run: search/darts_v1_cifar10, which has no frozen epochs and another rate for alpha.
_base_ = './pc_darts_cifar10_k1.py'
method = 'PC-DARTS, K=1, no EN'
edge_normalisation = False
rule = 'darts'  # no beta to multiply alpha by
