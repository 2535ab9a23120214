# First-order DARTS, 3 intermediate nodes (PC-DARTS 4.4.3, Table 4 "Nodes": 5, with the two input nodes).
_base_ = './darts_v1_cifar10.py'
method = 'DARTS-v1, 3 nodes'
nodes = 3
