# pipelines/p_darts_paper on the embedded digits.
_base_ = '_base_/digits_p_darts_studies.py'
parts = [
    # Tables 1, 3, 4 and 5.
    dict(
        searches=['search/digits_p_darts'],
        baselines=['DARTS_V2'],
        random_baselines=1,
        retrain='classification/digits',
        transfers=['detection/digits_ssd', 'reid/digits_p3'],
    ),
    # Table 2, with two runs.
    dict(searches=['search/digits_p_darts'], seeds=[0, 1]),
    'pipelines/digits_p_darts_depth',
    'pipelines/digits_p_darts_space',
    'pipelines/digits_p_darts_regularisation',
    'pipelines/digits_p_darts_stages',
    'pipelines/digits_p_darts_width',
    'pipelines/digits_p_darts_cifar100',
]
