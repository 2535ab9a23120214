"""Read many records fast: sections that they share, such as a config, are parsed and checked once."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

from backbones.files import loads

#: Largest sections of a record; runs of one protocol or one architecture share them.
_SHARED = ("architecture", "config", "data", "environment", "resolved")


@contextlib.contextmanager
def many_objects() -> Iterator[None]:
    """Switch garbage collection off: records and tables hold no reference cycles, whose search takes longer."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Sections:
    """Parse records; a shared section with a known text is not parsed again.

    A record is written with an indentation of one space, so each top-level key starts a line. If the text between two
    such lines is valid JSON, it is a section of the record. Any other layout is left to the plain reader.
    """

    def __init__(
        self,
        build: dict[str, Callable[[Any], Any]],
        confirm: Callable[[dict[str, Any]], None] = lambda content: None,
    ) -> None:
        """Args:
        build: by key, a function that turns the parsed content of a shared section into its value.
        confirm: checks parsed sections, each once; raises ValueError if one cannot be used.
        """
        self._build = build
        self._confirm = confirm
        self._seen: dict[tuple[str, str], Any] = {}

    def parse(self, text: str) -> dict[str, Any]:
        """Parse the text of a record.

        Raises:
            ValueError: the text does not have a record's layout, or is not JSON.
        """
        text = text.rstrip("\n")
        first, *sections = text.removesuffix("\n}").split('\n "')
        if first != "{" or not sections or not text.endswith("\n}"):
            raise ValueError("not laid out as a record")
        content: dict[str, Any] = {}
        others = []
        for index, section in enumerate(sections):
            ends = index == len(sections) - 1
            if not ends and not section.endswith(","):
                raise ValueError("not laid out as a record")
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
            raise ValueError("has a key twice")
        return content

    def _shared(self, key: str, text: str) -> Any:
        seen = self._seen.get((key, text))
        if seen is None:
            value = loads(text)
            self._confirm({key: value})
            seen = self._seen[key, text] = self._build[key](value) if key in self._build else value
        return seen
