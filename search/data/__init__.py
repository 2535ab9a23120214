"""Labelled images: folders, archives, CIFAR, decoding, augmentation, splits, proxies. Classification uses them, too."""
