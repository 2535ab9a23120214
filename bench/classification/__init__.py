"""Classification: train an architecture from scratch as a classifier."""
