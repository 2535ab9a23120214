# pipelines/pc_darts_table3 on the embedded digits.
_base_ = '_base_/digits_studies.py'
searches = [
    dict(
        protocol='search/digits_pc_darts',
        options={
            'method': method,
            'partial_channels': k,
            'edge_normalisation': normalised,
            'rule': 'pc-darts' if normalised else 'darts',
            'stages.0.epochs': 2,
            'stages.0.frozen_epochs': 1,
            'stages.0.layers': 3,
        },
    )
    for method, k, normalised in (
        ('PC-DARTS, K=1, no EN', 1, False),
        ('PC-DARTS, K=1', 1, True),
        ('PC-DARTS, no EN', 4, False),
        ('PC-DARTS', 4, True),
    )
]
retrain = 'classification/digits'
