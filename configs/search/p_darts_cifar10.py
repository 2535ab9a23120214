# P-DARTS on CIFAR-10 (Chen et al., journal version, section 5.1.1).
_base_ = './_base_/cifar10.py'
method = 'P-DARTS'
nodes = 4  # "identical to DARTS"
stages = [
    # All 8 candidates; 16 channels are DARTS' (5.2.4: "the base channel number is set to be 16"). The first stage's
    # dropout is the paper's 0.0; the README of the authors' code has 0.1, 0.4, 0.7.
    dict(epochs=25, frozen_epochs=10, layers=5, channels=16, skip_dropout=0.0),
    dict(epochs=25, frozen_epochs=10, layers=11, channels=16, skip_dropout=0.4, keep=5),
    dict(epochs=25, frozen_epochs=10, layers=17, channels=16, skip_dropout=0.7, keep=3),
]
# The paper says "decayed exponentially" only; the rate is its code's, and so are the linear fall while alpha is frozen
# and that it stands behind identities only, not behind skip connections of stride 2.
skip_dropout_decay = 0.2
batch_size = 96  # the last short batch of an epoch is left out; the authors' code trains on it
# Of the weights' optimiser the paper says only "identical to DARTS": SGD, cosine from 0.025 to 0 (DARTS,
# appendix A.1.1), with the clipping of DARTS' code. The authors' code has the same.
weights = dict(lr=0.025, final_lr=0.0, momentum=0.9, weight_decay=3e-4, clip_norm=5.0)
# The paper is silent on clipping alpha's gradient: the norm of 5 is its code's.
architecture = dict(lr=6e-4, betas=(0.5, 0.999), weight_decay=1e-3, clip_norm=5.0)
rule = 'p-darts'  # 4.3.1
max_skips = 2  # M; `wildnas derive --max-skips` gives the others (5.2.3)
