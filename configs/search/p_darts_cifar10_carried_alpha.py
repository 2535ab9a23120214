# P-DARTS whose stages begin with the alpha of the stage before (footnote 1: "We also tried to start with architectural
# parameters learned from the previous stage", "slightly lower accuracy"). Weights are initialised in each stage.
_base_ = './p_darts_cifar10.py'
method = 'P-DARTS, carried alpha'
initial_alpha = 'carried'
