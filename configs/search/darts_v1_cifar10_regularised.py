# First-order DARTS with P-DARTS' search space regularisation (P-DARTS 5.2.3, "Applying search space regularization to
# DARTS": 2.78 % where DARTS alone has 3.00 %): dropout behind skip connections and at most M of them in the cell.
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-v1, regularised'
# The paper is silent on the initial rate. That section has 0.0, 0.3 and 0.6 for 5, 11 and 17 cells; 0.3 is the one with
# dropout that is nearest to these 8 cells. As in DARTS, nothing is frozen, so the rate falls exponentially from the
# first epoch on.
stages = [dict(epochs=50, frozen_epochs=0, layers=8, channels=16, skip_dropout=0.3)]
rule = 'p-darts'  # 4.3.1
# The paper is silent on M here, too: 5.1.1's, "which guarantees a fair comparison with DARTS".
max_skips = 2
