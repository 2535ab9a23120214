# P-DARTS with DARTS' 8 cells in the first stage (5.1.1: "we tried the original setting with 8 cells and obtained
# similar results"; 5 are stacked "for acceleration").
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS, 8 cells first'
stages = [
    dict(epochs=25, frozen_epochs=10, layers=8, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=16, skip_dropout=0.4, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=17, channels=16, skip_dropout=0.7, keep=3),
]
