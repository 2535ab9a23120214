"""The network of `reid/market_mini_p3` before training: the baseline that training has to beat."""

_base_ = ["market_mini_p3.py"]
reduced = [reason for reason in _base_.reduced if reason != "short schedule"] + ["not trained"]
epochs = 0
