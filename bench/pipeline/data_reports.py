"""Check the data of a pipeline's protocols, each once, and keep the errors instead of raising them."""

from __future__ import annotations

from backbones.errors import InputError
from bench.tasks.contract import DataReport, Protocol, Task


class PipelineData:
    """Reports on data by protocol and options."""

    def __init__(self) -> None:
        self._reports: dict[tuple[str, ...], DataReport | InputError] = {}

    def of(self, task: Task, protocol: Protocol) -> DataReport | InputError:
        """Report on a protocol's data, or the error."""
        key = (protocol.name, *protocol.options)
        if key not in self._reports:
            try:
                self._reports[key] = task.check(protocol)
            except InputError as error:
                self._reports[key] = error
        return self._reports[key]
