"""Records of earlier schema versions, brought to the present one as they are read; their files stay as they are.

A new version is needed where an old file lacks what the present schema requires, or means something else by it; a new
optional key needs none. `tests/bench/records/` keeps a record of every shape that was ever written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: The version that is written.
SCHEMA_VERSION = 2

#: `Record.version` of runs from before the tasks' code had versions; they share no row with later ones.
BEFORE_VERSIONS = 0

#: Why a migrated run cannot pass for a full one.
UNKNOWN_WEIGHTS = "not recorded whether it started from given weights"


def migrated(content: Mapping[str, Any]) -> dict[str, Any]:
    """A record's content in the present version.

    Raises:
        ValueError: the version is none that this reader knows.
    """
    version, current = content.get("schema_version"), dict(content)
    if type(version) is not int or version not in (*_MIGRATIONS, SCHEMA_VERSION):
        known = ", ".join(str(known) for known in (*_MIGRATIONS, SCHEMA_VERSION))
        raise ValueError(f"key 'schema_version': {version!r}; this version of wildnas reads {known}")
    while current["schema_version"] != SCHEMA_VERSION:
        current = _MIGRATIONS[current["schema_version"]](current)
    return current


def _from_1(content: dict[str, Any]) -> dict[str, Any]:
    """Version 1 came to have `version` and `initial_weights` without a new number; its first records lack both.

    What weights they started from is known where a run of a pipeline left them, though not the file's digest.
    """
    content["schema_version"] = 2
    content.setdefault("version", BEFORE_VERSIONS)
    if "initial_weights" in content:
        return content
    parents = content.get("parents")
    trained = [
        parent
        for parent in (parents if isinstance(parents, list) else ())
        if isinstance(parent, dict) and parent.get("role") == "weights"
    ]
    content["initial_weights"] = {"sha256": None, "record": trained[0].get("record")} if trained else None
    if not trained and content.get("task") != "search" and isinstance(content.get("reduced"), list):
        content["reduced"] = [*content["reduced"], UNKNOWN_WEIGHTS]
    return content


_MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
