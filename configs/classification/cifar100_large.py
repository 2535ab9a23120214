# The large setting: 64 initial channels (P-DARTS 5.1.2, Table 1).
_base_ = 'cifar100.py'

channels = 64
