# PC-DARTS on ImageNet (Xu et al., ICLR 2020, section 4.3).
_base_ = './_base_/imagenet.py'
method = 'PC-DARTS'
# Of every class 10 % of the images for the weights and 2.5 % for alpha and beta.
proxy = dict(fractions=(0.10, 0.025))
stem = 'imagenet'  # three convolutions of stride 2, 224 to 28 pixels
nodes = 4  # the paper's N = 6 counts the two input nodes
partial_channels = 2  # K: "a sub-sampling rate of 1/2"
edge_normalisation = True  # 3.3
# The paper is silent on the width: 16, as on CIFAR-10 and in the authors' code.
stages = [dict(epochs=50, frozen_epochs=35, layers=8, channels=16)]
batch_size = 1024  # in total, over eight GPUs
# The weight decay is the paper's; the authors' code has 3e-4. The paper has a warm-up of the rate for retraining only;
# the code multiplies the rates of the first five epochs of the search, too, by (e + 1) / 5, and trains on the last
# short batch of an epoch, which is left out here. The clipping is the code's.
weights = dict(lr=0.5, final_lr=0.0, momentum=0.9, weight_decay=3e-5, clip_norm=5.0)
# The paper is silent on clipping the gradient of alpha and beta: the norm of 5 is the code's, of this search only.
architecture = dict(lr=6e-3, betas=(0.5, 0.999), weight_decay=1e-3, clip_norm=5.0)
rule = 'pc-darts'
