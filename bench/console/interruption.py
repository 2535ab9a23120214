"""Turn Ctrl-C and SIGTERM into KeyboardInterrupt, even where a library catches it."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Block that a signal to stop ends by KeyboardInterrupt.

    Libraries have bare `except:` clauses: mmengine's `Config.pretty_text` turns an interrupt into a SyntaxError. So any
    error that leaves the block after a signal is an interruption; code that catches errors inside the block must ask
    `interrupted`.
    """

    def __init__(self) -> None:
        self._seen = False

    def __enter__(self) -> None:
        _running.append(self)
        self._before = [signal.signal(number, self._stop) for number in SIGNALS]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _running.remove(self)
        for number, handler in zip(SIGNALS, self._before, strict=True):
            signal.signal(number, handler)
        if self._seen and error is not None and not isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt from error

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._seen = True
        raise KeyboardInterrupt


_running: list[Interruption] = []


def interrupted() -> bool:
    """Whether the running block has received a signal to stop."""
    return any(block._seen for block in _running)
