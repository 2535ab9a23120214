# First-order DARTS on CIFAR-10 (Liu et al., ICLR 2019, 3.1 and appendix A.1.1), the baseline of both papers.
_base_ = './_base_/cifar10.py'
method = 'DARTS-v1'
nodes = 4
# Nothing is frozen: that is P-DARTS' addition.
stages = [dict(epochs=50, frozen_epochs=0, layers=8, channels=16)]
batch_size = 64  # the last short batch of an epoch is left out; the authors' code trains on it
# Annealed to 0, as the paper says; the authors' code ends at 0.001. The paper is silent on clipping in the search: the
# norm of 5 is its code's.
weights = dict(lr=0.025, final_lr=0.0, momentum=0.9, weight_decay=3e-4, clip_norm=5.0)
architecture = dict(lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
rule = 'darts'  # 2.4
