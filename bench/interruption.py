"""Ctrl-C and SIGTERM, both as KeyboardInterrupt, whatever a library makes of it."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While its block runs, a signal to stop ends the block by KeyboardInterrupt.

    Libraries hold bare `except:` clauses: mmengine's `Config.pretty_text` turns an interrupt that comes while it
    formats into a SyntaxError. An error that leaves the block after a signal is an interruption too.
    """

    def __init__(self) -> None:
        self._seen = False

    def __enter__(self) -> None:
        self._before = [signal.signal(number, self._stop) for number in SIGNALS]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in zip(SIGNALS, self._before, strict=True):
            signal.signal(number, handler)
        if self._seen and error is not None and not isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt from error

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._seen = True
        raise KeyboardInterrupt
