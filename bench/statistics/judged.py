"""By which metric an architecture is judged, and which method is the baseline."""

from __future__ import annotations

#: The metric of each task that comes first.
JUDGED = {"classification": "top1_error", "detection": "ap", "reid": "rank1"}
#: The method of random architectures, as a record names it.
RANDOM = "random"
