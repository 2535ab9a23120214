# P-DARTS without dropout behind skip connections (5.2.3, "Effectiveness of operation-level Dropout": 0.0, 0.0, 0.0).
# The paper compares it with search/p_darts_cifar10_dropout_0_3_6, both at M = 2, 3 and 4 (`derive --max-skips`).
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS, no dropout'
stages = [
    dict(epochs=25, frozen_epochs=10, layers=5, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=16, skip_dropout=0.0, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=17, channels=16, skip_dropout=0.0, keep=3),
]
