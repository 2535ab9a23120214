# Shared settings of the papers' pipelines on the digits: short schedules, so that they run in minutes on two CPU cores.
# No number from them is a result about a method.
task = 'pipeline'
seeds = [0]
options = {
    'search': {'batch_size': 128},
    'classification': {'epochs': 2, 'batch_size': 64},
    'detection': {'train_cfg.max_epochs': 1},
    'reid': {'epochs': 2},
}
