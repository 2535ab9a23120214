# pipelines/pc_darts_table4 on the embedded digits: two seeds, two numbers of epochs, two of nodes.
_base_ = '_base_/digits_studies.py'
searches = [
    dict(
        protocol='search/digits_pc_darts',
        seeds=seeds,
        options={
            'method': f'{method}{name}',
            'stages.0.epochs': epochs,
            'stages.0.frozen_epochs': 1,
            'stages.0.layers': 3,
            'nodes': nodes,
            **settings,
        },
    )
    for method, settings in (
        ('DARTS-v1', {'partial_channels': 1, 'edge_normalisation': False, 'rule': 'darts'}),
        ('DARTS-v2', {'partial_channels': 1, 'edge_normalisation': False, 'rule': 'darts', 'order': 2}),
        ('PC-DARTS', {}),
    )
    for name, epochs, nodes, seeds in (
        ('', 2, 4, [0, 1]),
        (', 3 epochs', 3, 4, [0]),
        (', 3 nodes', 2, 3, [0]),
    )
]
retrain = 'classification/digits'
