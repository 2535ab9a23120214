"""The re-identification of pipelines/digits_study: four times as many queries as reid/digits_p3."""

_base_ = ["digits_p3.py"]
embedded = "digits_study"
data_root = "{{$WILDNAS_DIGITS_STUDY:work/digits_study}}"
# The width of the classification network.
channels = 6
