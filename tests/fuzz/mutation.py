"""Good inputs with a random fault, of which none has been looked at before."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.fuzz.kinds import checkpoints, records, spellings
from tests.fuzz.outcome import Row, command

#: What stands in the place of something else.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3, 10**6, 2**63, 10**400, -(10**400), 0.5, -1.5, 1e308, float("nan")),
    *(float("inf"), "", "a", "x" * 5000, "\ud800", "\x1b[2J", "=1+1", "../../x", "os.system", "hf-hub:a/b"),
    *([], {}, [[]], [1, 2, 3], {"type": "os.system"}, {"a": {"b": 1}}, [None], ["a"]),
)


def spoil_bytes(content: bytes, draw: random.Random) -> bytes:
    """Flip, cut, repeat or insert."""
    spoilt = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(spoilt) + 1)
        match draw.randrange(4):
            case 0 if place < len(spoilt):
                spoilt[place] ^= 1 << draw.randrange(8)
            case 1:
                del spoilt[place : place + draw.choice([1, 10, 10**6])]
            case 2:
                spoilt[place:place] = spoilt[place : place + 50]
            case _:
                spoilt[place:place] = draw.randbytes(draw.randint(1, 20))
    return bytes(spoilt)


def spoil(content: Any, draw: random.Random) -> Any:
    """The content with a value somewhere replaced, gone, or one more."""
    content = copy.deepcopy(content)
    spots = list(_spots(content))
    if not spots:
        return draw.choice(VALUES)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        holder, key = draw.choice(spots)
        try:
            match draw.randrange(4):
                case 0:
                    del holder[key]
                case 1 if isinstance(holder, dict):
                    holder[draw.choice(["other", "type", "", "k" * 400])] = copy.deepcopy(draw.choice(VALUES))
                case _:
                    holder[key] = copy.deepcopy(draw.choice(VALUES))
        except (KeyError, IndexError):
            # An earlier change has taken it away.
            continue
    return content


def _spots(content: Any) -> Any:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield content, key
        yield from _spots(value)


Make = Callable[[Path], Callable[[], Any]]


def _detector(draw: random.Random) -> Make:
    return _checkpoint(checkpoints.detector(), checkpoints.load_detector, draw)


def _reidentifier(draw: random.Random) -> Make:
    return _checkpoint(checkpoints.reidentifier(), checkpoints.load_reidentifier, draw)


def _checkpoint(content: dict[str, Any], load: Callable[[Path], Any], draw: random.Random) -> Make:
    about = spoil(content["about"], draw)

    def make(folder: Path) -> Callable[[], Any]:
        torch.save({"state_dict": content["state_dict"], "about": about}, folder / "checkpoint.pth")
        return lambda: load(folder / "checkpoint.pth")

    return make


def _weights(draw: random.Random) -> Make:
    content = spoil_bytes(checkpoints.saved(checkpoints.state()), draw)

    def make(folder: Path) -> Callable[[], Any]:
        (folder / "weights.pth").write_bytes(content)
        return checkpoints.reading()(folder)

    return make


def _record(draw: random.Random) -> Make:
    text = json.dumps(spoil(records.sound(), draw), indent=1).encode()
    if draw.random() < 0.3:
        text = spoil_bytes(text, draw)

    def make(folder: Path) -> Callable[[], Any]:
        records.put(folder, {}).write_bytes(text)
        return records.with_a_good_one(folder)

    return make


def _genotype(draw: random.Random) -> Make:
    content = json.loads(spellings._genotype())
    text = json.dumps(spoil(content, draw)).encode()

    def make(folder: Path) -> Callable[[], Any]:
        file = folder / "genotype.json"
        file.write_bytes(text if draw.random() < 0.7 else spoil_bytes(text, draw))
        return command("zoo", "show", file)

    return make


KINDS: dict[str, Callable[[random.Random], Make]] = {
    "detector": _detector,
    "re-identifier": _reidentifier,
    "weights": _weights,
    "record": _record,
    "genotype": _genotype,
}


def made(kind: str, seed: int) -> Row:
    """The input of a kind that a seed draws; it may be a good one still."""
    return Row(f"drawn {kind}", f"seed {seed}", KINDS[kind](random.Random(seed)), refused=False)
