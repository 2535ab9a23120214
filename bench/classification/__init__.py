"""Retraining a genotype from scratch as a classifier."""
