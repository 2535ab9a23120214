"""Convert records of earlier schema versions as they are read; their files stay unchanged.

A new version is needed if an old file lacks a required key, or if the meaning of a key changes; a new optional key
needs none. `tests/bench/records/` keeps a record of every earlier layout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Version of the records that are written.
SCHEMA_VERSION = 2

#: `Record.version` of runs before the tasks had versions; they share no row with later ones.
BEFORE_VERSIONS = 0

#: Reason to mark a converted run as reduced.
UNKNOWN_WEIGHTS = "not recorded whether it started from given weights"


def migrated(content: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a record's content to the present version.

    Raises:
        ValueError: the version is unknown.
    """
    version, current = content.get("schema_version"), dict(content)
    if type(version) is not int or version not in (*_MIGRATIONS, SCHEMA_VERSION):
        known = ", ".join(str(known) for known in (*_MIGRATIONS, SCHEMA_VERSION))
        raise ValueError(f"key 'schema_version': {version!r}; this version of wildnas reads {known}")
    while current["schema_version"] != SCHEMA_VERSION:
        current = _MIGRATIONS[current["schema_version"]](current)
    return current


def _from_1(content: dict[str, Any]) -> dict[str, Any]:
    """Convert from version 1, whose first records lack `version` and `initial_weights`.

    Their initial weights are known if a pipeline's run left them, though without a digest.
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
