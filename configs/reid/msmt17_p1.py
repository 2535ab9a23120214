"""PCB with 1 part on MSMT17 (P-DARTS Table 5).

Trained on list_train.txt alone, without the validation list, as torchreid does. P-DARTS does not say.
"""

_base_ = ["_base_/pcb.py"]
dataset = "msmt17"
parts = 1
# list_val.txt has the other 2,373 of its 32,621 training images.
expected = {"train images": 30248, "query images": 11659, "gallery images": 82161}
