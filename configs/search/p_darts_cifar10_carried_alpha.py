# P-DARTS whose stages begin with alpha as the stage before has left it (footnote 1: "We also tried to start with
# architectural parameters learned from the previous stage", "slightly lower accuracy"). Weights are drawn anew.
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS, carried alpha'
initial_alpha = 'carried'
