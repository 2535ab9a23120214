"""PCB with 1 part on a few hundred animals in Market-1501's layout."""

_base_ = ["_base_/market_mini.py"]
parts = 1
