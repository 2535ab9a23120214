"""PCB with 6 parts on Market-1501 (P-DARTS Table 5)."""

_base_ = ["market1501_p1.py"]
parts = 6
