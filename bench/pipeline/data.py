"""A look at the data of a pipeline's protocols: once each, and what is wrong with them is kept, not raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from backbones.errors import InputError
from bench.searches.task import SearchData, SearchProtocol, check_search
from bench.tasks.contract import DataReport, Protocol, Task

_Seen = TypeVar("_Seen", DataReport, SearchData)


class Data:
    """What is known of the data; the same protocol with the same options is looked at once."""

    def __init__(self) -> None:
        self._reports: dict[tuple[str, ...], DataReport | InputError] = {}
        self._proxies: dict[tuple[str, ...], SearchData | InputError] = {}

    def of(self, task: Task, protocol: Protocol) -> DataReport | InputError:
        """The data of a protocol, or why they cannot be used."""
        return _once(self._reports, (protocol.name, *protocol.options), lambda: task.check(protocol))

    def of_search(self, protocol: SearchProtocol, seed: int) -> SearchData | InputError:
        """The data of a search, or why they cannot be used; another seed draws others, but as many, from the same."""
        return _once(self._proxies, (protocol.name, *protocol.options), lambda: check_search(protocol, seed))


def _once(
    known: dict[tuple[str, ...], _Seen | InputError], key: tuple[str, ...], look: Callable[[], _Seen]
) -> _Seen | InputError:
    if key not in known:
        try:
            known[key] = look()
        except InputError as error:
            known[key] = error
    return known[key]
