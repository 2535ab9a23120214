"""Real handwritten digits as a folder of classes, a COCO data set and a Market-1501 data set.

They train within minutes on a CPU. Their file formats are those of the large data sets, so that every task uses the
same readers as for ImageNet, COCO and Market-1501.
"""
