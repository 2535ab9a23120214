"""The pairs of numbers in MMDetection's transforms that have to be tuples, which JSON does not have.

A protocol's config is plain (`search.configs.plain`), so that a record can hold it; mmcv's `Resize` with `keep_ratio`,
for one, takes `scale=(1333, 800)` and refuses `[1333, 800]`.
"""

from __future__ import annotations

from typing import Any

#: Arguments of transforms that hold a pair of numbers, or a list of such pairs.
_PAIRS = ("scale", "scales", "img_scale", "ratio_range", "crop_size", "short_edge_length")


def restore_pairs(value: Any, key: str = "") -> Any:
    """The value with all pairs below it, by the names that transforms have for them, as tuples."""
    if isinstance(value, dict):
        return {name: restore_pairs(item, name) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    if key in _PAIRS and len(value) == 2 and all(type(side) in (int, float) for side in value):
        return tuple(value)
    return [restore_pairs(item, key) for item in value]
