"""PCB with 1 part on Market-1501 (P-DARTS Table 5)."""

_base_ = ["_base_/pcb.py"]
dataset = "market1501"
parts = 1
# Without the 3,819 junk images, which have no identity.
expected = {"train images": 12936, "query images": 3368, "gallery images": 15913}
