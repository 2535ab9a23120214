# DARTS+ on CIFAR-10 (Liang et al., 2019): the search stops as soon as the normal cell has two skip connections, its
# first criterion. The rest is DARTS.
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-plus'
# alpha is random at first, and with it the number of skip connections: the first epoch that counts is chosen here.
architecture = dict(stop=dict(type='skips', most=2, first=10))
