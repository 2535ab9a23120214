"""Prints what became of the corpus, at the end of the tests."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.fuzz.outcome import HANG, LINE, SILENT, TRACEBACK, USED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, count in getattr(report, "user_properties", ()):
                if name in (USED, LINE, TRACEBACK, HANG, SILENT) and getattr(report, "when", "") == "call":
                    counts[name] += count
    if counts:
        shown = ", ".join(f"{counts[name]} {name}" for name in (LINE, USED, TRACEBACK, HANG, SILENT))
        terminalreporter.write_line(f"made inputs: {sum(counts.values())}: {shown}")
