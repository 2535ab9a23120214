"""Commands of `wildnas`, a module each, with `add_arguments(parser)` and `run(arguments) -> exit code`.

They import no heavy library at the top; each calls `bench.api` and prints.
"""

from __future__ import annotations

import argparse
from typing import Protocol

from bench.commands import (
    card,
    data,
    derive,
    detect,
    doctor,
    evaluate,
    export,
    records,
    reid,
    report,
    run,
    search,
    speed,
    table,
    test_dev,
    transfer,
    weights,
    zoo,
)


class Command(Protocol):
    """Interface of a command's module; the first line of its docstring is the help text."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


COMMANDS: dict[str, Command] = {
    "search": search,
    "derive": derive,
    "evaluate": evaluate,
    "detect": detect,
    "test-dev": test_dev,
    "run": run,
    "table": table,
    "transfer": transfer,
    "report": report,
    "records": records,
    "speed": speed,
    "reid": reid,
    "export": export,
    "card": card,
    "zoo": zoo,
    "weights": weights,
    "data": data,
    "doctor": doctor,
}
