"""Licences of the data sets of the protocols, as their owners state them."""

from __future__ import annotations

import re

#: By a pattern of a protocol's name behind its task; the first that fits counts.
_STATED = {
    r"digits": "UCI's handwritten digits, as scikit-learn ships them: CC BY 4.0 (archive.ics.uci.edu)",
    r"coco": "COCO: annotations CC BY 4.0, images under Flickr's terms (cocodataset.org/#termsofuse)",
    r"imagenet|tiny_imagenet": "ImageNet: non-commercial research and education only (image-net.org/download)",
}


def data_licence(protocol: str) -> str:
    """What is known of the licence of a protocol's data; a user's own data are not known."""
    name = protocol.partition("/")[2]
    known = (said for pattern, said in _STATED.items() if re.match(pattern, name))
    return next(known, "not known to wildnas; see the owner of the data")
