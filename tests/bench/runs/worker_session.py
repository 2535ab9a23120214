"""What each of two processes does that test_session.py starts: `torchrun … THIS_FILE SETTINGS FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.runs import run
from search.training import parallel


def main(record: dict[str, Any], folder: Path) -> None:
    """One evaluation that another command has finished in the meantime, and one that is still to be done."""
    done: list[str] = []
    run.evaluate = lambda planned, *others: done.append(f"ran {planned.name}")
    run.join = lambda planned, *others: done.append(f"joined {planned.name}")
    places = run.Places(folder / "results", folder / "work")
    for name, key in (
        ("classification/digits/PDARTS/seed0", record["key"]),
        ("classification/digits/PDARTS/seed1", ""),
    ):
        planned = SimpleNamespace(name=name, key=key)
        if parallel.is_main():
            run.evaluate_alone(planned, places, None, lambda *told: None)
        else:
            run.join_unless_done(planned, places, None)
    (folder / f"rank{parallel.rank()}.json").write_text(json.dumps(done))


if __name__ == "__main__":
    with parallel.process_group("pytorch"):
        main(json.loads(sys.argv[1]), Path(sys.argv[2]))
