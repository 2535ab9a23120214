"""Progress callback for long-running work."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the fraction that is done (0 to 1) and the current work ('epoch 3 of 8').
ProgressCallback = Callable[[float, str], None]
