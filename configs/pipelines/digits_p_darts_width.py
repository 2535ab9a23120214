# pipelines/p_darts_width on the embedded digits, which stand for both data sets.
_base_ = '_base_/digits_p_darts_studies.py'
searches = [
    'search/digits_p_darts',
    dict(
        protocol='search/digits_p_darts',
        options={'method': 'P-DARTS, growing width', 'stages.1.channels': 14, 'stages.2.channels': 20},
    ),
]
retrain = 'classification/digits'
