"""PCB with 3 parts on the embedded digits: a handwritten digit is an identity, seen by three cameras.

The backbone is that of `classification/digits`, whose weights it starts from in a pipeline.
"""

_base_ = ["_base_/pcb.py"]
embedded = "digits"
dataset = "market1501"
data_root = "{{$WILDNAS_DIGITS:work/digits}}"
parts = 3
channels = 16
layers = 5
# The shots are 64 x 32; at 96 x 32 (PCB's 3 to 1) the last map has 6 x 2 positions, two rows a part.
height = 96
width = 32
# A mirrored digit is another digit.
transforms = ["random_crop"]
batch_size = 32
epochs = 10
learning_rate = 0.05
# Knowing ten classes helps little to distinguish one 3 from another, so the backbone learns at the full rate.
backbone_learning_rate_factor = 1.0
schedule = "cosine"
reduced_dim = 64
dropout = 0.0
# After a training this short, the reduced features rank far better than those before the reduction.
feature = "after"
workers = 0
