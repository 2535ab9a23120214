# First-order DARTS, 100 epochs (PC-DARTS 4.4.3, Table 4 "Epochs").
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-v1, 100 epochs'
stages = [dict(epochs=100, frozen_epochs=0, layers=8, channels=16)]
