"""Turn pairs of numbers in MMDetection's transforms back into tuples, which JSON does not have.

A protocol's config holds lists (`search.configs.plain`), so that a record can hold it, but mmcv's `Resize` with
`keep_ratio`, for example, takes `scale=(1333, 800)` and refuses `[1333, 800]`.
"""

from __future__ import annotations

from typing import Any

#: Arguments of transforms whose value is a pair of numbers, or a list of pairs.
_PAIRS = ("scale", "scales", "img_scale", "ratio_range", "crop_size", "short_edge_length")


def restore_pairs(value: Any, key: str = "") -> Any:
    """Copy a value, with tuples for all pairs that are arguments of transforms."""
    if isinstance(value, dict):
        return {name: restore_pairs(item, name) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    if key in _PAIRS and len(value) == 2 and all(type(side) in (int, float) for side in value):
        return tuple(value)
    return [restore_pairs(item, key) for item in value]
