# pipelines/p_darts_space on the embedded digits.
_base_ = '_base_/digits_p_darts_studies.py'
searches = [
    'search/digits_p_darts',
    dict(
        protocol='search/digits_p_darts',
        seeds=[0, 1],
        options={
            'method': 'P-DARTS, random space',
            'stages': [
                dict(epochs=2, frozen_epochs=1, layers=7, channels=8, skip_dropout=0.7, keep=3, keep_by='random')
            ],
        },
    ),
    dict(
        protocol='search/digits_p_darts',
        options={'method': 'P-DARTS, fixed depth', 'stages.0.layers': 3, 'stages.1.layers': 3, 'stages.2.layers': 3},
    ),
]
retrain = 'classification/digits'
