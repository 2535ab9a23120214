"""The supernet: a stack of cells whose edges mix all their candidate operations."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.supernet.network import SuperNet
    from search.supernet.reference import ReferenceSuperNet

__all__ = ["ReferenceSuperNet", "SuperNet"]

_HOMES = {"SuperNet": "search.supernet.network", "ReferenceSuperNet": "search.supernet.reference"}


def __getattr__(name: str) -> Any:
    # The modules of this package import one another; importing one must not import all.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
