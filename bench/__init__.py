"""Genotype in, table out: searches, evaluations, pipelines, results and tables, as calls of `bench.api`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import evaluate, results, run, search, table, transfer

__all__ = ["evaluate", "results", "run", "search", "table", "transfer"]


def __getattr__(name: str) -> Any:
    # Nothing heavy is imported before it is needed.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
