"""Test that a pipeline survives kills: kill it at random moments, and compare its records with an undisturbed run's.

`python -m bench.pipeline.survival PIPELINE --kills 20` runs in a folder of its own. The processes are forked from one
that has imported the libraries, so that the kills hit work and not imports.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import runpy
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backbones.errors import InputError
from bench.records.record import Record
from bench.records.store import RecordStore

#: Modules that are imported before the fork.
_PRELOADED = [
    "bench.commands.cli",
    "bench.pipeline.run",
    "bench.classification.task",
    "bench.detection.training",
    "bench.detection.components",
    "bench.reid.task",
    "bench.reid.engine",
    "bench.reid.data_manager",
    "search.run",
]

#: Keys of a record that measure time or memory, or digest a file with such a number.
_MEASURED = ("started", "finished", "environment", "curve", "checkpoint")


@dataclass
class Survival:
    """Result of the test.

    Attributes:
        kills: number of runs that were killed before their end.
        rounds: number of starts from an empty folder.
        seconds: duration of the undisturbed run's stages.
        differences: differences of the records; empty if the pipeline has survived.
    """

    kills: int = 0
    rounds: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)


def survive(command: Sequence[str], folder: Path, kills: int, seed: int = 0) -> Survival:
    """Run a pipeline undisturbed, then again with a number of kills, and compare.

    Args:
        command: arguments of `wildnas`, such as `["run", "pipelines/digits"]`.

    Raises:
        InputError: the undisturbed run fails.
    """
    survival, moments = Survival(), random.Random(seed)
    code = _run(command, folder / "undisturbed", None)
    if code != 0:
        raise InputError(f"the undisturbed run ended with {code}; see {folder / 'undisturbed/log.txt'}")
    expected = dict(_records(folder / "undisturbed"))
    survival.seconds = sum(record.cost.seconds for record in _read(folder / "undisturbed"))
    while survival.kills < kills:
        survival.rounds += 1
        place = folder / f"killed{survival.rounds}"
        ended: int | None = None
        longest, done = survival.seconds / 4, 0
        while ended is None:
            ended = _run(command, place, None if survival.kills == kills else moments.uniform(0, longest))
            survival.kills += ended is None
            # Wait longer if no stage has ended, or a long stage would never end.
            before, done = done, len(_read(place))
            longest = survival.seconds / 4 if done > before else 1.5 * longest
        if ended != 0:
            survival.differences.append(f"round {survival.rounds}: exit code {ended}; see {place / 'log.txt'}")
        survival.differences += compare(expected, dict(_records(place)))
    return survival


def _run(command: Sequence[str], place: Path, seconds: float | None) -> int | None:
    """Run the command in a process of its own; None if it was killed after `seconds`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    process = context.Process(target=_member, args=(list(command), place))
    log = place / "log.txt"
    before = log.stat().st_size if log.is_file() else 0
    process.start()
    # The time counts from the first line of output, when the work starts.
    while seconds is not None and process.is_alive() and (not log.is_file() or log.stat().st_size == before):
        time.sleep(0.02)
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None
    return process.exitcode


def _member(command: list[str], place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    with (place / "log.txt").open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.argv[1:] = [*command, "--results", str(place / "results"), "--work-dir", str(place / "work")]
    # As `python -m bench` starts the command.
    runpy.run_module("bench", run_name="__main__")


def _read(place: Path) -> list[Record]:
    return [record for record in RecordStore(place / "results").read_all() if isinstance(record, Record)]


def _records(place: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for record in _read(place):
        yield record.name, comparable(record)


def comparable(record: Record) -> dict[str, Any]:
    """Content of a record without times, memory, and digests of files that contain them."""
    content = record.model_dump(mode="json")
    for key in _MEASURED:
        del content[key]
    content["metrics"].pop("search_cost", None)
    for key in ("seconds", "peak_memory", "seconds_per_epoch", "images_per_second"):
        content["cost"].pop(key, None)
    content["resolved"].pop("stage_peak_memory", None)
    if content["initial_weights"] is not None:
        del content["initial_weights"]["sha256"]
    return content


def compare(expected: dict[str, dict[str, Any]], found: dict[str, dict[str, Any]]) -> list[str]:
    """List the differences of two sets of records, by name and key; metrics are compared exactly."""
    differences = [f"{name}: is missing" for name in expected if name not in found]
    differences += [f"{name}: is too many" for name in found if name not in expected]
    for name in expected.keys() & found.keys():
        differences += [
            f"{name}: {key}: {json.dumps(found[name][key])[:200]}, not {json.dumps(expected[name][key])[:200]}"
            for key in expected[name]
            if expected[name][key] != found[name][key]
        ]
    return differences


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.pipeline.survival", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("pipeline", metavar="PIPELINE")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to (default: a temporary folder, which stays)")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="survival-"))
    survival = survive(["run", arguments.pipeline], folder.absolute(), arguments.kills, arguments.seed)
    for difference in survival.differences:
        print(difference)
    print(
        f"{arguments.pipeline}: {survival.kills} kills in {survival.rounds} rounds (undisturbed "
        f"{survival.seconds:.0f} s): {'the same records' if not survival.differences else 'OTHER RECORDS'} ({folder})"
    )
    return 1 if survival.differences else 0


if __name__ == "__main__":
    sys.exit(main())
