"""PCB with 3 parts on MSMT17 (P-DARTS Table 5)."""

_base_ = ["msmt17_p1.py"]
parts = 3
