# pipelines/p_darts_stages on the embedded digits.
_base_ = '_base_/digits_p_darts_studies.py'
searches = [
    'search/digits_p_darts',
    dict(
        protocol='search/digits_p_darts',
        options={'method': 'P-DARTS, carried alpha', 'initial_alpha': 'carried'},
    ),
    dict(protocol='search/digits_p_darts', options={'method': 'P-DARTS, 5 cells first', 'stages.0.layers': 5}),
]
retrain = 'classification/digits'
