"""Many records at once: what they share, such as the config of a protocol, is parsed and checked once."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

from backbones.files import loads

#: The largest parts of a record, of which runs of one protocol or one architecture have the same.
_SHARED = ("architecture", "config", "data", "environment")


@contextlib.contextmanager
def many_objects() -> Iterator[None]:
    """Without the search for reference cycles, of which reading makes none and which takes longer than the reading."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Sections:
    """Parses records; a shared section whose text has been seen before is not parsed again.

    A record is written with one space of indentation, so that each of its keys begins a line of its own. Whether the
    text between two of these is JSON by itself is checked: then both together are what the whole text says. Any other
    text is refused, and is for the plain reader.
    """

    def __init__(
        self,
        build: dict[str, Callable[[Any], Any]],
        confirm: Callable[[dict[str, Any]], None] = lambda content: None,
    ) -> None:
        """Args:
        build: what is made of the parsed content of a shared section, by its key.
        confirm: sees the parsed content of some sections, each once, and raises ValueError where it cannot be used.
        """
        self._build = build
        self._confirm = confirm
        self._seen: dict[tuple[str, str], Any] = {}

    def parse(self, text: str) -> dict[str, Any]:
        """The content of a record's text.

        Raises:
            ValueError: the text is not laid out as a record is written, or not JSON.
        """
        text = text.rstrip("\n")
        first, *sections = text.removesuffix("\n}").split('\n "')
        if first != "{" or not sections or not text.endswith("\n}"):
            raise ValueError("not laid out as a record is written")
        content: dict[str, Any] = {}
        others = []
        for place, section in enumerate(sections):
            ends = place == len(sections) - 1
            if not ends and not section.endswith(","):
                raise ValueError("not laid out as a record is written")
            section = section if ends else section[:-1]
            key, found, value = section.partition('": ')
            if found and key in _SHARED:
                content[key] = self._shared(key, value)
            else:
                others.append(f'"{section}')
        own = loads("{" + ",".join(others) + "}")
        self._confirm(own)
        content.update(own)
        if len(content) != len(sections):
            raise ValueError("a key stands there twice")
        return content

    def _shared(self, key: str, text: str) -> Any:
        seen = self._seen.get((key, text))
        if seen is None:
            value = loads(text)
            self._confirm({key: value})
            seen = self._seen[key, text] = self._build[key](value) if key in self._build else value
        return seen
