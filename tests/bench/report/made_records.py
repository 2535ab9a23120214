"""Records of all tasks, as runs of searched and of given architectures would leave them, and what is odd about some."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from backbones import zoo
from backbones.files import file_digest
from bench.records.record import Record
from bench.tasks.metrics import METRICS

#: Would run if it came into the page as it is.
NASTY = "</script><img src=x onerror=alert(1)>"
#: Architectures beside the searched ones, by the names that their records have. `x.y` and `x-y` are unlike each other,
#: `twin` has the cells of PDARTS.
GIVEN = {
    "PDARTS": "PDARTS",
    "twin": "PDARTS",
    "x.y": "DARTS_V1",
    "x-y": "DARTS_V2",
    "PC": "PC_DARTS_cifar",
    "DrNAS": "DrNAS_cifar10",
}
SEARCHED, REDUCED_SEARCH = "digits_p_darts_whose_name_goes_on_and_on-s0-aaaaaaaa", "digits_pc_darts-s0-bbbbbbbb"
#: Epochs of the search's two stages.
STAGES = (3, 2)


def made_records(make_record: Callable[..., Record], folder: Path) -> Iterator[tuple[Record, Path | None]]:
    """Records, and the curve of each that has one."""
    count = 0

    def make(task: str, setting: str, name: str, value: float, **changes: Any) -> Record:
        nonlocal count
        count += 1
        metrics = {
            metric.key: {
                "value": value + place,
                "unit": metric.unit,
                "higher_is_better": metric.higher_is_better,
            }
            for place, metric in enumerate(METRICS[task])
            if metric.shown == "always"
        }
        known = {"protocol": f"{task}/{setting}", "key": f"sha256:{count:064x}", "config": {"what": setting}}
        return make_record(task=task, **{**known, **of(name), "metrics": metrics, **changes})

    curve = folder / "search.jsonl"
    curve.write_text("".join(f"{json.dumps(epoch)}\n" for epoch in search_epochs()), encoding="utf-8")
    resolved = {
        "connection_levels": [[6, 2, 0, 0, 0], [3, 2, 1, 1, 1]],
        "kept_operations": {"normal": [5], "reduce": [7]},
    }
    told = {"curve": file_digest(curve), "resolved": resolved}
    search = make("search", "digits_p_darts", SEARCHED, 90.0, method="P-DARTS", **told)
    yield search, curve
    short = make("search", "digits_pc_darts", REDUCED_SEARCH, 60.0, method="PC-DARTS", reduced=["option epochs=1"])
    yield short, None

    curve = folder / "training.jsonl"
    curve.write_text(
        "".join(f'{{"epoch": {epoch}, "top1_error": {30.0 / epoch}}}\n' for epoch in range(1, 5)), encoding="utf-8"
    )
    parents = [{"role": "search", "record": search.name, "key": search.key}]
    retrained = make(
        "classification",
        "digits",
        SEARCHED,
        4.25,
        config={"note": NASTY, NASTY: ["'", '"', "&"]},
        environment={"device": NASTY, "packages": {"torch": "2.11.0"}},
        parents=parents,
        method="P-DARTS",
        curve=file_digest(curve),
    )
    yield retrained, curve
    parents = [{"role": "search", "record": short.name, "key": short.key}]
    yield (
        make("classification", "digits", REDUCED_SEARCH, 9.5, reduced=[f"option note={NASTY}"], parents=parents),
        None,
    )
    for seed, value in enumerate((5.0, 6.0)):
        device = {"device": f"machine {seed}"}
        yield make("classification", "digits", "PDARTS", value, seed=seed, environment=device), None
    for place, name in enumerate((*GIVEN, "timm-resnet50")):
        if name != "PDARTS":
            yield make("classification", "digits", name, 7.0 + place), None
        yield make("detection", "digits_ssd", name, 40.0 - place), None
        for parts in (1, 3):
            yield make("reid", f"digits_p{parts}", name, 60.0 + place + parts, config={"parts": parts}), None

    weights = {"role": "weights", "record": retrained.name, "key": retrained.key}
    initial = {"sha256": "sha256:" + "e" * 64, "record": retrained.name}
    yield make("detection", "digits_ssd", SEARCHED, 45.5, parents=[weights], initial_weights=initial), None
    # The retraining that these weights are of has been replaced since.
    weights["key"] = "sha256:" + "f" * 64
    yield make("reid", "digits_p3", SEARCHED, 70.5, parents=[weights], config={"parts": 3}), None


def of(name: str) -> dict[str, Any]:
    """What a record says of an architecture."""
    if name.startswith("timm-"):
        architecture = {"name": name, "genotype": None, "timm": name.removeprefix("timm-"), "digest": None}
        return {"architecture": architecture, "method": "timm"}
    entry = {SEARCHED: "GDAS_V1", REDUCED_SEARCH: "SGAS_Cri1_CIFAR_3", **GIVEN}[name]
    genotype = zoo.get(entry).genotype
    return {"architecture": {"name": name, "genotype": genotype.to_json(), "digest": genotype.digest}}


def search_epochs() -> Iterator[dict[str, Any]]:
    """As a search of two stages leaves them (`search.loop.epochs.save_curve`), as far as the page reads them."""
    for stage, epochs in enumerate(STAGES, start=1):
        for epoch in range(1, epochs + 1):
            yield {
                "stage": stage,
                "epoch": epoch,
                "train_accuracy": 20.0 * epoch,
                "alpha_entropy_normal": 2.0 - 0.1 * epoch,
                "alpha_entropy_reduce": 2.0 - 0.2 * epoch,
                "skip_count": epoch % 3,
                **{f"weights_{cell}": {"none": 0.3, "skip_connect": 0.7} for cell in ("normal", "reduce")},
            }
