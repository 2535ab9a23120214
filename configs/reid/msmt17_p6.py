"""PCB with 6 parts on MSMT17 (P-DARTS Table 5).

Trained on list_train.txt alone, without the validation list, as torchreid does. P-DARTS does not say.
"""

_base_ = ["_base_/pcb.py"]
dataset = "msmt17"
parts = 6
