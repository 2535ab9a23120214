# pipelines/p_darts_regularisation on the embedded digits.
_base_ = '_base_/digits_p_darts_studies.py'
searches = [
    dict(
        protocol='search/digits_p_darts',
        max_skips=[2, 3],
        options={'method': 'P-DARTS, no dropout', 'stages.1.skip_dropout': 0.0, 'stages.2.skip_dropout': 0.0},
    ),
    dict(protocol='search/digits_p_darts', max_skips=[0, 1, 2, 3]),
    *(
        dict(
            protocol='search/digits_p_darts',
            options={
                'method': method,
                'rule': rule,
                'max_skips': skips,
                'architecture.clip_norm': None,
                'stages': [dict(epochs=2, frozen_epochs=0, layers=3, channels=8, skip_dropout=dropout)],
            },
        )
        for method, rule, skips, dropout in (
            ('DARTS-v1', 'darts', None, 0.0),
            ('DARTS-v1, regularised', 'p-darts', 2, 0.3),
        )
    ),
]
retrain = 'classification/digits'
