"""Records of a made study: architectures of a known true order, seeds of a known noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from backbones.genotype import Genotype
from bench.records.record import Record
from bench.tasks.metrics import METRICS


def genotype(place: int) -> dict[str, Any]:
    cells = Genotype.random(place)
    return {"name": f"random-s{place}-{cells.digest[:8]}", "genotype": cells.to_json(), "digest": cells.digest}


def made_study(
    make_record: Callable[..., Record], architectures: int = 12, seeds: int = 2, noise: float = 0.3
) -> Iterator[Record]:
    """Zero-cost scores, classifications, detections and re-identifications.

    Truth is `np.linspace(0, 3, architectures)`. Multiply-adds follow it, SNIP opposes it, the rest is without order;
    errors are 10 less it, AP 20 and rank-1 50 more, each with noise.
    """
    random = np.random.default_rng(0)
    count = 0

    def make(task: str, setting: str, place: int, seed: int, values: dict[str, float], **changes: Any) -> Record:
        nonlocal count
        count += 1
        known = {metric.key: metric for metric in METRICS[task]}
        metrics = {
            key: {"value": value, "unit": known[key].unit, "higher_is_better": known[key].higher_is_better}
            for key, value in values.items()
        }
        what = {"architecture": genotype(place), "method": "random", "config": {"what": setting}}
        where = {"protocol": f"{task}/{setting}", "key": f"sha256:{count:064x}", "seed": seed}
        return make_record(task=task, metrics=metrics, **{**what, **where, **changes})

    for place, truth in enumerate(np.linspace(0, 3, architectures)):
        for seed in range(seeds):
            scores = {metric.key: float(random.normal()) for metric in METRICS["zerocost"]}
            scores |= {"multiply_adds": 100 + float(truth), "snip": -float(truth)}
            undefined = {"undefined": {"naswot": "the network has no ReLU"}} if place == 0 else {}
            if undefined:
                del scores["naswot"]
            yield make("zerocost", "digits", place, seed, scores, resolved=undefined)
            one, other, third = (float(truth + random.normal(0, noise)) for _ in range(3))
            yield make("classification", "digits", place, seed, {"top1_error": 10 - one, "top5_error": 1.0})
            yield make("detection", "digits_ssd", place, seed, {"ap": 20 + other, "ap50": 40.0})
            yield make("reid", "digits_p3", place, seed, {"rank1": 50 + third, "map": 40 + third})
