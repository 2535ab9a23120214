# PC-DARTS with DrNAS' Dirichlet samples in the place of softmax(alpha); no paper has this combination. All numbers are
# PC-DARTS' (4.2), and the anchor's is DrNAS' (drnas_cifar10). beta, which has no anchor, is not decayed.
_base_ = './pc_darts_cifar10.py'
method = 'PC-DARTS + DrNAS'
architecture = dict(
    relaxation=dict(type='dirichlet'),
    penalties=[dict(type='anchor', distance='l2', weight=1e-3)],
    weight_decay=0.0,
)
