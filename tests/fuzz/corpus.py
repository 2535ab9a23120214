"""All made inputs, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.kinds import checkpoints, data, folders, records, spellings
from tests.fuzz.outcome import Row

#: What the annotations' reader does not refuse in a line yet.
KNOWN = (
    "COCO: image_id of a list",
    "COCO: image_id of an object",
    "COCO: category_id of a list",
    "COCO: box of 400 digits",
    "COCO: area of 400 digits",
    "COCO: a name of 5,000 letters",
)


def rows() -> Iterator[Row]:
    for kind in (checkpoints, records, folders, spellings, data):
        yield from kind.rows()
