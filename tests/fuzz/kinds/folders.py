"""What a run leaves in its work folder, and finds there again in another state."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from backbones import zoo
from tests.fuzz.kinds.texts import NO_FILE, NO_JSON
from tests.fuzz.outcome import Row, command

Make = Callable[[Path], Callable[[], Any]]

_MOST_FILES = {name: place for name, place in NO_FILE.items() if name != "link to nothing"}


def _with(name: str, content: bytes | Callable[[Path], None], read: Callable[[Path], Any]) -> Make:
    def make(folder: Path) -> Callable[[], Any]:
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            content(folder / name)
        return lambda: read(folder)

    return make


def _seconds(folder: Path) -> Any:
    from bench.runs.recording import measured

    with measured(folder):
        pass


def _lines(folder: Path) -> Any:
    from search.training.epoch_lines import read_epochs

    return read_epochs(folder / "epochs.jsonl", 1)


def _curve(folder: Path) -> Any:
    from bench.classification.curve import TrainingCurve

    curve = TrainingCurve(folder / "curve.jsonl")
    curve.put(3, loss=1.0)
    return curve.entries()


def _resume(folder: Path) -> Any:
    from bench.reid.resume import ResumePoint

    network = torch.nn.Linear(2, 2)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    return ResumePoint(folder / "resume.pth", {"seed": 0}).restore(network, optimiser, None, 5)


def _saved(content: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def _point(**changes: Any) -> bytes:
    network = torch.nn.Linear(2, 2)
    content = {
        "about": {"seed": 0},
        "epochs_done": 1,
        "model": network.state_dict(),
        "optimiser": torch.optim.SGD(network.parameters(), lr=0.1).state_dict(),
        "scheduler": None,
    }
    return _saved({**content, **changes})


RESUMED: dict[str, bytes] = {
    "empty": b"",
    "torn": _point()[:-100],
    "null": _saved(None),
    "another run": _point(about={"seed": 1}),
    "about of a list": _point(about=[]),
    "10**9 epochs": _point(epochs_done=10**9),
    "-1 epochs": _point(epochs_done=-1),
    "epochs of a text": _point(epochs_done="one"),
    "model of None": _point(model=None),
    "model of NaN": _point(model={"weight": torch.full((2, 2), float("nan")), "bias": torch.zeros(2)}),
    "model of another": _point(model=torch.nn.Linear(3, 3).state_dict()),
    "optimiser of None": _point(optimiser=None),
    "optimiser of a list": _point(optimiser=[]),
}

SECONDS: dict[str, bytes] = {
    **NO_JSON,
    "negative": b"-5",
    "1e308": b"1e308",
    "true": b"true",
    "a text": b'"5"',
}
del SECONDS["number"]

LINES: dict[str, bytes] = {
    **{name: content for name, content in NO_JSON.items() if name != "a key twice"},
    "a torn last line": b'{"epoch": 1}\n{"epo',
    "an epoch of a text": b'{"epoch": "1"}\n',
    "an epoch of 10**9": b'{"epoch": 1000000000}\n',
    "an epoch of NaN": b'{"epoch": NaN}\n',
    "epoch 2 alone": b'{"epoch": 2}\n',
}


def _found(**changes: Any) -> bytes:
    genotype = zoo.get("PDARTS").genotype.to_json()
    content = {"name": "x", "genotype": genotype, "method": "m", "record": "search/a/x/seed0", "key": "sha256:0"}
    return json.dumps({**content, **changes}).encode()


FOUND: dict[str, bytes] = {
    **NO_JSON,
    "name of a path": _found(name="../../x"),
    "name of a number": _found(name=5),
    "name of 10,000 letters": _found(name="n" * 10_000),
    "method of a list": _found(method=[]),
    "genotype of None": _found(genotype=None),
    "record of a number": _found(record=5),
}


def _architecture(**changes: Any) -> bytes:
    rows, operations = [[0.1, 0.2]] * 14, [["none", "skip_connect"]] * 14
    content = {
        "alpha_normal": rows,
        "alpha_reduce": rows,
        "beta_normal": None,
        "beta_reduce": None,
        "operations_normal": operations,
        "operations_reduce": operations,
        "nodes": 4,
        "rule": "darts",
        "max_skips": None,
    }
    return json.dumps({**content, **changes}).encode()


LEARNED: dict[str, bytes] = {
    **NO_JSON,
    "alpha of NaN": _architecture(alpha_normal=[[float("nan")] * 2] * 14),
    "alpha of infinity": _architecture(alpha_normal=[[float("inf")] * 2] * 14),
    "alpha of 400 digits": _architecture(alpha_normal=[[10**400] * 2] * 14),
    "alpha of texts": _architecture(alpha_normal=[["a", "b"]] * 14),
    "alpha of a row": _architecture(alpha_normal=[[0.1, 0.2]]),
    "alpha empty": _architecture(alpha_normal=[]),
    "rows of one": _architecture(alpha_normal=[[0.1]] * 14),
    "unknown operations": _architecture(operations_normal=[["none", "os.system"]] * 14),
    "operations of numbers": _architecture(operations_normal=[[1, 2]] * 14),
    "none alone": _architecture(alpha_normal=[[0.1]] * 14, operations_normal=[["none"]] * 14),
    "nodes of 10**9": _architecture(nodes=10**9),
    "nodes of 0": _architecture(nodes=0),
    "rule of none": _architecture(rule="other"),
    "rule without beta": _architecture(rule="pc-darts"),
    "max_skips of -1": _architecture(max_skips=-1),
    "an unknown key": _architecture(other=1),
}


def rows() -> Iterator[Row]:
    for name, content in SECONDS.items():
        yield Row("seconds.json", name, _with("seconds.json", content, _seconds))
    for name, place in _MOST_FILES.items():
        if name != "link to itself":
            yield Row("seconds.json", name, _with("seconds.json", place, _seconds))
        yield Row("resume.pth", name, _with("resume.pth", place, _resume), refused=name in ("70 GB",))
    for name, content in LINES.items():
        yield Row("epochs.jsonl", name, _with("epochs.jsonl", content, _lines))
        if name not in ("empty", "epoch 2 alone"):
            yield Row("curve.jsonl", name, _with("curve.jsonl", content, _curve))
    for name, place in NO_FILE.items():
        yield Row("epochs.jsonl", name, _with("epochs.jsonl", place, _lines))
    for name, content in RESUMED.items():
        yield Row("resume.pth", name, _with("resume.pth", content, _resume))
    for name, content in FOUND.items():
        yield Row("found genotype", name, _with("genotype.json", content, _shown))
    for name, content in LEARNED.items():
        yield Row("architecture.json", name, _with("a.json", content, _derived))
    for name, place in NO_FILE.items():
        yield Row("architecture.json", name, _with("a.json", place, _derived))


def _derived(folder: Path) -> Any:
    return command("derive", folder / "a.json")()


def _shown(folder: Path) -> Any:
    return command("zoo", "show", folder)()
