"""PCB with 3 parts on animals, in square images: they are as long as high, unlike people."""

_base_ = ["market_mini_p3.py"]
reduced = [*(reason for reason in _base_.reduced if reason != "96 x 32 images"), "96 x 96 images"]
width = 96
