"""A look at the data of a pipeline's protocols: once each, and what is wrong with them is kept, not raised."""

from __future__ import annotations

from backbones.errors import InputError
from bench.tasks.contract import DataReport, Protocol, Task


class PipelineData:
    """What is known of the data; the same protocol with the same options is looked at once."""

    def __init__(self) -> None:
        self._reports: dict[tuple[str, ...], DataReport | InputError] = {}

    def of(self, task: Task, protocol: Protocol) -> DataReport | InputError:
        """The data of a protocol, or why they cannot be used."""
        key = (protocol.name, *protocol.options)
        if key not in self._reports:
            try:
                self._reports[key] = task.check(protocol)
            except InputError as error:
                self._reports[key] = error
        return self._reports[key]
