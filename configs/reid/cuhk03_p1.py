"""PCB with 1 part on CUHK03 with detected boxes, under the protocol of Zhong et al. 2017; not in P-DARTS Table 5.

`--cfg-options dataset=cuhk03_labeled` takes the boxes that were drawn by hand.
"""

_base_ = ["_base_/pcb.py"]
dataset = "cuhk03_detected"
parts = 1
# Zhong et al. 2017.
expected = {"train images": 7365, "query images": 1400, "gallery images": 5332}
