# SDARTS-RS on CIFAR-10 (Chen and Hsieh, ICML 2020): the weights are trained under uniform noise on softmax(alpha). Its
# size grows linearly from 0.03 towards 0.3, as in the authors' code (SmoothDARTS, sota/cnn/train_search.py), in which
# the rest is DARTS. The candidates are DARTS' eight; the code's README searches in S1 to S4.
_base_ = './darts_v1_cifar10.py'
method = 'SDARTS-RS'
weights = dict(final_lr=0.001)
architecture = dict(perturbation=dict(type='random', epsilon=dict(start=0.03, end=0.3, reached=False)))
