# P-DARTS with the dropout of its diagnostic experiments (5.2.3: 0.0, 0.3, 0.6 where 5.1.1 has 0.0, 0.4, 0.7): the other
# arm of search/p_darts_cifar10_no_dropout, and the search whose genotypes for M = 0 to 4 "Effectiveness of architecture
# refinement" compares (`wildnas derive --max-skips`).
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS, dropout 0/0.3/0.6'
stages = [
    dict(epochs=25, frozen_epochs=10, layers=5, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=16, skip_dropout=0.3, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=17, channels=16, skip_dropout=0.6, keep=3),
]
