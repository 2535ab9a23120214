"""Labelled images for search and classification: folders, archives, CIFAR, decoding, augmentation, splits, proxies."""
