"""Re-identification data sets as they lie on disk.

The layouts are those of torchreid, whose own readers are not used for four reasons: they list files in the order of the
file system (so a seed would train differently on another machine), they look for identity and camera in the whole
path (a folder named `run_1_c3` makes every image identity 1 of camera 3), they try to download what is missing, and
they stop at assertions. Nothing is ever downloaded here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

from backbones.errors import InputError
from bench.reid.cuhk03 import read_cuhk03
from bench.reid.limit import limited
from bench.reid.listing import Listing, all_asked
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
    """The listing of a data set below `data_root`.

    Args:
        limit: so many images of each part at the most.
        queries: `all` for every test image of the identities that are asked for (`all_asked`).

    Raises:
        InputError: a folder or file is missing, or a name or a line cannot be understood.
    """
    listing = _READERS[dataset](data_root)
    for split in ("train", "query", "gallery"):
        if not getattr(listing, split):
            raise InputError(f"{listing.folder}: no {split} images that the layout of {dataset} knows")
    if limit is not None:
        listing = limited(listing, limit)
    return all_asked(listing) if queries == "all" else listing
