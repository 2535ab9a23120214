# P-DARTS at a fixed depth, its candidates shrunk from 8 to 5 to 3 (5.2.2: "a fixed depth (8 cells)").
# The paper is silent on the dropout of this experiment: as in 5.1.1.
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS, fixed depth'
stages = [
    dict(epochs=25, frozen_epochs=10, layers=8, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=8, channels=16, skip_dropout=0.4, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=8, channels=16, skip_dropout=0.7, keep=3),
]
