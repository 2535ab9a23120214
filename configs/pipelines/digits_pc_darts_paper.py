# pipelines/pc_darts_paper on the embedded digits.
_base_ = '_base_/digits_studies.py'
parts = [
    # Tables 1, 2 and 5: the best of several searches by standalone validation, retrained, and its weights in SSD.
    dict(
        searches=[
            dict(
                protocol='search/digits_pc_darts',
                seeds=[0, 1],
                select='best',
                options={
                    'method': 'PC-DARTS',
                    'stages.0.epochs': 2,
                    'stages.0.frozen_epochs': 1,
                    'stages.0.layers': 3,
                },
            )
        ],
        selection_protocol='classification/digits_selection',
        baselines=['DARTS_V2'],
        retrain='classification/digits',
        transfers=['detection/digits_ssd'],
    ),
    # 4.2: integrated into P-DARTS.
    dict(
        searches=[
            dict(
                protocol='search/digits_p_darts',
                options={
                    'method': 'P-DARTS + PC',
                    'partial_channels': 4,
                    'edge_normalisation': True,
                    'rule': 'pc-darts',
                    **{f'stages.{stage}.epochs': 2 for stage in range(3)},
                },
            )
        ],
        retrain='classification/digits',
    ),
    'pipelines/digits_pc_darts_figure3',
    'pipelines/digits_pc_darts_table3',
    'pipelines/digits_pc_darts_table4',
]
