"""The `wildnas` command; heavy libraries are imported only when needed, so that `--help` is fast."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

from backbones.errors import InputError
from bench.commands import COMMANDS
from bench.console.interruption import Interruption
from bench.console.streams import give_up_standard_output, settle
from bench.console.visible import visible
from bench.machine.memory import is_out_of_memory

#: Exit code of a user's mistake and of an interrupted run.
MISTAKE = 2
#: Exit code of an error in wildnas itself (sysexits.h, EX_SOFTWARE).
UNFORESEEN = 70


class Parser(argparse.ArgumentParser):
    """Argument parser that reports an error in one line."""

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
    """Run a command line, and return the exit code."""
    settle()
    arguments = build_parser().parse_args(argv)
    # Before torch is imported: waiting threads spin by default, and on cores that other processes use as well, a small
    # operation then takes a hundred times as long.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # mmengine imports pkg_resources, which warns at every start that it will be removed.
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
            # The reader of the output has ended (`wildnas zoo list | head`); that is no error.
            give_up_standard_output()
            return 0
        if error.filename is None:
            # The full disk may be that of standard output.
            give_up_standard_output()
        # Such as a folder that cannot be written, or a full disk.
        return _complain(arguments, f"{error.filename or 'a file'}: {error.strerror or error}", MISTAKE)
    except KeyboardInterrupt:
        message = "interrupted; finished records and checkpoints are kept, the same command resumes from there"
        return _complain(arguments, message, MISTAKE)
    except FloatingPointError as error:
        return _complain(arguments, str(error), 1)
    except Exception as error:  # The last resort; every case but too little memory is a bug.
        if is_out_of_memory(error):
            return _complain(arguments, _too_large(error), MISTAKE)
        if arguments.debug:
            raise
        return _complain(arguments, _note_unforeseen(error), UNFORESEEN)


def _complain(arguments: argparse.Namespace, message: str, code: int) -> int:
    if arguments.debug:
        raise
    print(f"wildnas: {visible(' '.join(message.split()))}", file=sys.stderr)
    return code


def _too_large(error: BaseException) -> str:
    found = re.search(r"tried to allocate (\S+ \w+)|sizes=(\[[\d, ]+\])", str(error), re.IGNORECASE)
    asked = f" for {found[1] or 'a tensor of ' + found[2]}" if found else ""
    return f"memory does not suffice{asked}; a smaller batch, image size, width or depth needs less"


def _note_unforeseen(error: BaseException) -> str:
    """Write the traceback to a new file, and return the line that names it."""
    kind = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    text = "".join(traceback.format_exception(error))
    try:
        descriptor, file = tempfile.mkstemp(prefix="wildnas-", suffix=".log", text=True)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as refused:
        return f"an error of wildnas itself, {kind}; no log could be written ({refused.strerror}); --debug shows more"
    return f"an error of wildnas itself, {kind}; please report it with its traceback, which is in {file}"
