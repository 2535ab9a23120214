"""List the undefined scores of records, with a line for each reason."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records.record import Record
from bench.tasks.metrics import METRICS

_LABELS = {metric.key: metric.label for metric in METRICS["zerocost"]}


def hole_lines(records: Iterable[Record]) -> list[str]:
    """Write lines such as `zerocost/digits: no NASWOT of timm-convnext_atto: the network has no ReLU`."""
    holes: dict[tuple[str, str, str], dict[str, None]] = {}
    for record in records:
        if record.task == "zerocost":
            for score, reason in record.resolved.get("undefined", {}).items():
                holes.setdefault((record.protocol, score, reason), {})[record.architecture.name] = None
    return [
        f"{protocol}: no {_LABELS.get(score, score)} of {', '.join(names)}: {reason}"
        for (protocol, score, reason), names in holes.items()
    ]
