"""PCB with 6 parts on CUHK03 with detected boxes, under the protocol of Zhong et al. 2017; not in P-DARTS Table 5."""

_base_ = ["cuhk03_p1.py"]
parts = 6
