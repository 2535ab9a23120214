"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

#: Told the fraction that is done (0 to 1) and what is being done ('epoch 3 of 8').
ProgressCallback = Callable[[float, str], None]
