"""PCB as P-DARTS runs it (P-DARTS 5.4.2, Table 5): the ImageNet network of the papers, pretrained, as the backbone.

P-DARTS says no more than "the pipeline of PCB", the numbers of parts, and "pre-trained on ImageNet". Everything else
is PCB's own recipe: Sun et al. 2018 (ECCV) and, where that is silent, the authors' code (syfafterzy/PCB_RPP_for_reID).
"""

task = "reid"
# P-DARTS 5.4.2: "all backbones are pre-trained on ImageNet"; a run without any weights is marked.
pretrained = True
data_root = "{{$WILDNAS_DATA:data}}/reid"
# The backbone of P-DARTS Table 3.
channels = 48
layers = 14
# Sun et al. 2018 remove the last down-sampling. P-DARTS does not say; the multiply-adds of its Table 5 are those of
# the unchanged network at 224 x 224.
last_stride = 1
# Sun et al. 2018: 384 x 128, horizontal flips, batch 64, 60 epochs, learning rate 0.1, 0.01 after 40 epochs,
# a tenth of it for the pretrained layers.
height = 384
width = 128
transforms = ["random_flip"]
batch_size = 64
epochs = 60
learning_rate = 0.1
backbone_learning_rate_factor = 0.1
schedule = "multi_step"
milestones = [40]
gamma = 0.1
# Sun et al. 2018: 256 numbers a part. Their code has a dropout of 0.5 before the reduction.
reduced_dim = 256
dropout = 0.5
# P-DARTS Table 5: 768 numbers a part, the backbone's last width, so the feature is taken before the reduction.
feature = "before"
# From the code of Sun et al.: SGD with Nesterov momentum 0.9, weight decay 5e-4, plain cross-entropy.
optimiser = "sgd"
momentum = 0.9
nesterov = True
weight_decay = 5e-4
label_smooth = False
# PCB has no other loss; "softmax_triplet" adds a triplet loss for each part.
loss = "softmax"
# Ranked as torchreid ranks: Euclidean, without re-ranking. Neither paper says which distance it takes; the vector of
# each part has length 1, so the cosine of all parts together gives the same order.
# `rerank` is not set here, because a config cannot replace an inherited None by its dict.
metric = "euclidean"
workers = 4
