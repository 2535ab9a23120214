# pipelines/pc_darts_figure3 on the embedded digits.
_base_ = '_base_/digits_studies.py'
searches = [
    dict(
        protocol='search/digits_pc_darts',
        options={
            'method': 'PC-DARTS' if k == 4 else f'PC-DARTS, K={k}',
            'partial_channels': k,
            'stages.0.epochs': 2,
            'stages.0.frozen_epochs': 1,
            'stages.0.layers': 3,
        },
    )
    for k in (1, 2, 4, 8)
]
retrain = 'classification/digits'
