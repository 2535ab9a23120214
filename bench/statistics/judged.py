"""The metrics that architectures are judged by, and the baseline method."""

from __future__ import annotations

#: The main metric of each task.
JUDGED = {"classification": "top1_error", "detection": "ap", "reid": "rank1"}
#: The method of random architectures, as a record names it.
RANDOM = "random"
