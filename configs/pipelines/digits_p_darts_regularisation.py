# pipelines/p_darts_regularisation on the embedded digits.
_base_ = '_base_/digits_p_darts_studies.py'
searches = [
    dict(
        protocol='search/digits_p_darts',
        max_skips=[2, 3],
        options={'method': 'P-DARTS, no dropout', 'stages.1.skip_dropout': 0.0, 'stages.2.skip_dropout': 0.0},
    ),
    dict(protocol='search/digits_p_darts', max_skips=[0, 1, 2, 3]),
]
retrain = 'classification/digits'
