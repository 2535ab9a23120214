"""The `wildnas` command. Nothing heavy is imported until a command needs it, so that `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from backbones.errors import InputError
from bench.commands import COMMANDS
from bench.console.interruption import Interruption
from bench.console.last_resort import UNFORESEEN, note_unforeseen
from bench.console.streams import give_up_standard_output, settle
from bench.console.visible import visible

#: The exit code of every mistake of the user's, and of an interrupted run.
MISTAKE = 2


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISTAKE, f"{self.prog}: {visible(' '.join(message.split()))} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="wildnas", description="Does this searched architecture transfer? Search, evaluate, compare.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of a mistake")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, command in COMMANDS.items():
        summary = (command.__doc__ or "").strip().splitlines()[0]
        sub = commands.add_parser(name, help=summary, description=summary)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    settle()
    arguments = build_parser().parse_args(argv)
    # Before torch is imported: by default the threads of an operation spin while they wait for each other, and on cores
    # that other processes use as well, a small operation then takes a hundred times as long.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # mmengine imports pkg_resources, which says at every start that it will be gone one day.
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    try:
        with Interruption():
            code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except InputError as error:
        return _complain(arguments, str(error), MISTAKE)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # The reader of our output has left (`wildnas zoo list | head`); nothing is wrong.
            give_up_standard_output()
            return 0
        if error.filename is None:
            # It may be standard output's own disk that is full.
            give_up_standard_output()
        # A folder that cannot be written, a full disk: the user's to mend.
        return _complain(arguments, f"{error.filename or 'a file'}: {error.strerror or error}", MISTAKE)
    except KeyboardInterrupt:
        again = "the same command goes on from there"
        return _complain(arguments, f"interrupted; finished records and checkpoints are kept, {again}", MISTAKE)
    except FloatingPointError as error:
        return _complain(arguments, str(error), 1)
    except Exception as error:  # The last resort; every case of it is a fault to be mended where it begins.
        if arguments.debug:
            raise
        return _complain(arguments, note_unforeseen(error), UNFORESEEN)


def _complain(arguments: argparse.Namespace, message: str, code: int) -> int:
    if arguments.debug:
        raise
    print(f"wildnas: {visible(' '.join(message.split()))}", file=sys.stderr)
    return code
