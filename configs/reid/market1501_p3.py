"""PCB with 3 parts on Market-1501 (P-DARTS Table 5)."""

_base_ = ["_base_/pcb.py"]
dataset = "market1501"
parts = 3
