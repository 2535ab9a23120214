"""Try made inputs for as long as is wanted: `python -m tests.fuzz --minutes 10`.

First the corpus, then good inputs with random faults. Prints what became of them; exit code 1 if an input ended in a
traceback, a hang or silence, with its kind and seed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.corpus import rows
from tests.fuzz.mutation import KINDS, made
from tests.fuzz.outcome import FAILURES, HANG, LINE, SILENT, TRACEBACK, USED, Row, outcome_of


def _inputs(seed: int) -> Iterator[Row]:
    yield from rows()
    draw = random.Random(seed)
    while True:
        yield made(draw.choice(list(KINDS)), draw.randrange(2**32))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    ends, counts, failed = time.monotonic() + 60 * arguments.minutes, Counter[str](), False
    for row in _inputs(arguments.seed):
        if time.monotonic() > ends:
            break
        with tempfile.TemporaryDirectory() as folder:
            found, said = outcome_of(row, Path(folder))
        counts[found] += 1
        if found in FAILURES:
            failed = True
            print(f"{found}: {row}: {said}", flush=True)
    print(
        f"{sum(counts.values())} inputs: "
        + ", ".join(f"{counts[n]} {n}" for n in (LINE, USED, TRACEBACK, HANG, SILENT))
    )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
