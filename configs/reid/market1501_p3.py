"""PCB with 3 parts on Market-1501 (P-DARTS Table 5)."""

_base_ = ["_base_/pcb.py"]
dataset = "market1501"
parts = 3
# Junk images (3,819 more) are nobody's and not counted.
expected = {"train images": 12936, "query images": 3368, "gallery images": 15913}
