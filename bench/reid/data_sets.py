"""Read re-identification data sets in torchreid's layouts.

torchreid's own readers are not used, since they list files in the order of the file system (so a seed trains
differently on another machine), look for identity and camera in the whole path (a folder `run_1_c3` makes every image
identity 1 of camera 3), download missing data, and stop at assertions. Nothing is downloaded here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

from backbones.errors import InputError
from bench.reid.cuhk03 import read_cuhk03
from bench.reid.listing import Listing, all_asked, limited
from bench.reid.market import read_dukemtmcreid, read_market1501, read_market_folder
from bench.reid.msmt17 import read_msmt17

_READERS: Mapping[str, Callable[[Path], Listing]] = {
    "market1501": read_market1501,
    "dukemtmcreid": read_dukemtmcreid,
    "msmt17": read_msmt17,
    "cuhk03_detected": functools.partial(read_cuhk03, kind="detected"),
    "cuhk03_labeled": functools.partial(read_cuhk03, kind="labeled"),
    "market_folder": read_market_folder,
}


def read_layout(dataset: str, data_root: Path, limit: int | None = None, queries: str = "own") -> Listing:
    """List a data set below `data_root`.

    Args:
        limit: the largest number of images of each part; None takes all.
        queries: `all` makes every test image of a query's identity a query (`all_asked`).

    Raises:
        InputError: a folder or file is missing, or a name or a line is invalid.
    """
    listing = _READERS[dataset](data_root)
    for split in ("train", "query", "gallery"):
        if not getattr(listing, split):
            raise InputError(f"{listing.folder}: no {split} images; expected the layout of {dataset}")
    if limit is not None:
        listing = limited(listing, limit)
    return all_asked(listing) if queries == "all" else listing
