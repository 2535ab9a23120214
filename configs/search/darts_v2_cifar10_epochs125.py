# Second-order DARTS, 125 epochs (PC-DARTS 4.4.3, Table 4 "Epochs").
_base_ = './darts_v2_cifar10.py'
method = 'DARTS-v2, 125 epochs'
stages = [dict(epochs=125, frozen_epochs=0, layers=8, channels=16)]
