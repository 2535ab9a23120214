"""Changes of a JSON object at one place, which every kind of JSON file shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Change = Callable[[dict[str, Any]], Any]


def at(*path: Any, value: Any) -> Change:
    """Set the value that the keys and indices of `path` lead to."""

    def change(content: dict[str, Any]) -> None:
        spot: Any = content
        for key in path[:-1]:
            spot = spot[key]
        spot[path[-1]] = value

    return change
