"""PCB with 3 parts on a few hundred animals in Market-1501's layout (nyala antelopes), in minutes on a CPU.

The backbone is that of `detection/coco_mini_ssd`, so that both can start from the same weights.
"""

_base_ = ["_base_/pcb.py"]
reduced = ["a few hundred animals instead of people", "small network", "short schedule", "128 x 64 images"]
dataset = "market1501"
parts = 3
channels = 16
layers = 5
height = 128
width = 64
batch_size = 32
epochs = 10
learning_rate = 0.05
# Weights of so short a pretraining are no reason to learn slowly.
backbone_learning_rate_factor = 1.0
schedule = "cosine"
dropout = 0.0
# As in `reid/digits_p3`; here the two features rank about the same.
feature = "after"
workers = 0
