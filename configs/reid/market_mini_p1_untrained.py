"""What the network of `reid/market_mini_p1` ranks like before it is trained: the row that training has to beat."""

_base_ = ["market_mini_p1.py"]
reduced = [
    "a few hundred animals instead of people",
    "every test image a query",
    "96 x 32 images",
    "5 cells of width 16",
    "not trained",
]
epochs = 0
