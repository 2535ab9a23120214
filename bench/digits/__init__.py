"""Real handwritten digits as a folder of classes, a COCO data set and a Market-1501 data set.

They train within minutes on a CPU. Their file formats are those of the large data sets, so that every task uses the
same readers as for ImageNet, COCO and Market-1501.
"""

from bench.digits.classification import write_classification
from bench.digits.coco import write_coco
from bench.digits.manifest import MANIFEST_NAME, Manifest, digest, read_manifest
from bench.digits.market1501 import write_market1501
from bench.digits.recipe import RECIPE_VERSION, ensure
from bench.digits.source import Digits, DigitsSplit, load_split

__all__ = [
    "MANIFEST_NAME",
    "RECIPE_VERSION",
    "Digits",
    "DigitsSplit",
    "Manifest",
    "digest",
    "ensure",
    "load_split",
    "read_manifest",
    "write_classification",
    "write_coco",
    "write_market1501",
]
