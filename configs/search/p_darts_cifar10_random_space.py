# P-DARTS' final stage alone, its candidates "randomly sampled from the full search space" (5.2.2), edge by edge, by the
# run's seed. The paper takes the best of three seeds. `none` is part of the "full search space" and is drawn like any
# other, as it may also be in the final stage that this one is compared with.
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS, random space'
stages = [dict(epochs=25, frozen_epochs=10, layers=17, channels=16, skip_dropout=0.7, keep=3, keep_by='random')]
