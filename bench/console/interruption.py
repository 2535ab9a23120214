"""Ctrl-C and SIGTERM, both as KeyboardInterrupt, whatever a library makes of it."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While its block runs, a signal to stop ends the block by KeyboardInterrupt.

    Libraries hold bare `except:` clauses: mmengine's `Config.pretty_text` turns an interrupt that comes while it
    formats into a SyntaxError. An error that leaves the block after a signal is an interruption too; who stops errors
    inside of the block has to ask `interrupted`.
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
    """Whether a signal to stop has come to the block that runs."""
    return any(block._seen for block in _running)
