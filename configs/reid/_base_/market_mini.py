"""PCB on a few hundred animals in Market-1501's layout (nyala antelopes), in minutes on a CPU.

The backbone is that of `detection/coco_mini_ssd`, so that both can start from the same weights; a model of timm has its
own. Subsets this small measure the machinery, not the method.
"""

_base_ = ["pcb.py"]
reduced = ["a few hundred animals instead of people", "96 x 32 images", "5 cells of width 16", "short schedule"]
expected = {}
dataset = "market1501"
channels = 16
layers = 5
# PCB's 3 to 1; the last map has 6 x 2 positions, a row for each of 6 parts.
height = 96
width = 32
batch_size = 16
epochs = 5
# So few steps take a network from scratch farther by Adam than by SGD.
optimiser = "adam"
learning_rate = 1e-3
# Weights of so short a pretraining are no reason to learn slowly.
backbone_learning_rate_factor = 1.0
schedule = "cosine"
dropout = 0.0
workers = 0
