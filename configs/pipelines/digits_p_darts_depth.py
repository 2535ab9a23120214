# pipelines/p_darts_depth on the embedded digits.
_base_ = '_base_/digits_p_darts_studies.py'
searches = [dict(protocol='search/digits_p_darts', after_stages=[1, 2, 3])]
baselines = ['DARTS_V2']
retrain = 'classification/digits'
