# pipelines/p_darts_cifar100 on the embedded digits: P-DARTS, and DARTS of both orders.
_base_ = '_base_/digits_p_darts_studies.py'
searches = [
    'search/digits_p_darts',
    *(
        dict(
            protocol='search/digits_p_darts',
            options={
                'method': method,
                'rule': 'darts',
                'max_skips': None,
                'architecture.clip_norm': None,
                'stages': [dict(epochs=2, frozen_epochs=0, layers=3, channels=8, skip_dropout=0.0)],
                **order,
            },
        )
        for method, order in (('DARTS-v1', {}), ('DARTS-v2', {'order': 2}))
    ),
]
retrain = 'classification/digits'
