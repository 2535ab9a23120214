# PC-DARTS, 125 epochs (PC-DARTS 4.4.3, Table 4 "Epochs").
_base_ = './pc_darts_cifar10.py'
method = 'PC-DARTS, 125 epochs'
# The paper is silent on the frozen epochs of a longer search: 15, as in one of 50.
stages = [dict(epochs=125, frozen_epochs=15, layers=8, channels=16)]
