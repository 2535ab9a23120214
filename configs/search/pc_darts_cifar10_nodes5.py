# PC-DARTS, 5 intermediate nodes (PC-DARTS 4.4.3, Table 4 "Nodes": 7, with the two input nodes).
_base_ = './pc_darts_cifar10.py'
method = 'PC-DARTS, 5 nodes'
nodes = 5
