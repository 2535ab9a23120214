from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from backbones import zoo
from backbones.cost import Cost
from backbones.genotype import Genotype
from search.derive import Architecture
from search.loop.epochs import alpha_entropy, append_epoch, beta_entropy, concerns, imagenet_cost, operation_weights


def test_an_epochs_line_is_written_once(tmp_path: Path) -> None:
    """An interrupted epoch is run and logged again: its line, and any later, give way."""
    log = tmp_path / "epochs.jsonl"
    for epoch, run in [(1, "a"), (2, "a"), (3, "a"), (2, "b"), (2, "b"), (3, "b"), (10, "b")]:
        append_epoch(log, {"epoch": epoch, "run": run})
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["epoch"], line["run"]) for line in lines] == [(1, "a"), (2, "b"), (3, "b"), (10, "b")]
    assert [path.name for path in tmp_path.iterdir()] == ["epochs.jsonl"]


def test_alpha_entropy() -> None:
    assert alpha_entropy([[0.0] * 8] * 3) == pytest.approx(math.log(8))
    half = [[math.log(0.5), math.log(0.25), math.log(0.25)]]
    assert alpha_entropy(half) == pytest.approx(1.5 * math.log(2))
    assert alpha_entropy([*half, [1000.0, 1000.0, 1000.0]]) == pytest.approx((1.5 * math.log(2) + math.log(3)) / 2)


def test_alpha_entropy_of_a_decided_edge_is_0() -> None:
    assert alpha_entropy([[0.0, -2000.0]]) == 0


def test_beta_entropy_is_by_node() -> None:
    # Node 2 chooses among two edges alike, node 3 has decided.
    assert beta_entropy([3.0, 3.0, 1000.0, 0.0, 0.0], nodes=2) == pytest.approx(math.log(2) / 2)
    assert beta_entropy([0.0] * 14, nodes=4) == pytest.approx(sum(map(math.log, (2, 3, 4, 5))) / 4)


def test_the_cost_is_that_of_the_imagenet_network() -> None:
    cost = imagenet_cost(zoo.get("PDARTS").genotype)
    assert (cost.params, round(cost.published_macs / 1e6)) == (4_944_352, 557)


SKIPS = (("skip_connect", 0), ("skip_connect", 1), ("skip_connect", 0), ("none", 1))


@pytest.mark.parametrize(
    ("normal", "macs", "said"),
    [
        (SKIPS, 600_000_000, ["skip collapse: 3 of the normal cell's 4 edges"]),
        ((*SKIPS[:2], ("none", 0), ("none", 1)), 600_000_000, []),
        ((*SKIPS[:2], ("none", 0), ("none", 1)), 617_400_000, ["617 M multiply-adds"]),
        (SKIPS, 700_000_000, ["skip collapse", "700 M"]),
    ],
)
def test_concerns(normal: tuple[tuple[str, int], ...], macs: int, said: list[str]) -> None:
    genotype = Genotype(normal, (2, 3), normal, (2, 3))
    found = concerns(genotype, Cost(params=1, macs=1, published_macs=macs))
    assert len(found) == len(said)
    assert all(words in concern for words, concern in zip(said, found, strict=True))


def test_operation_weights_are_means_over_all_edges() -> None:
    """Edge 0 has weights 1/4 and 3/4, edge 1 has 1/2 and 1/2; `none` is on the second edge only."""
    rows = [[0.0, math.log(3)], [5.0, 5.0]]
    names = [["skip_connect", "sep_conv_3x3"], ["none", "sep_conv_3x3"]]
    architecture = Architecture(
        alpha_normal=rows,
        alpha_reduce=rows[::-1],
        operations_normal=names,
        operations_reduce=names,
        nodes=1,
        rule="darts",
    )
    found = operation_weights(architecture, "normal")
    assert found == pytest.approx({"none": 0.25, "skip_connect": 0.125, "sep_conv_3x3": 0.625})
    assert list(found) == ["none", "skip_connect", "sep_conv_3x3"]
    assert operation_weights(architecture, "reduce") == pytest.approx(
        {"none": 0.125, "skip_connect": 0.25, "sep_conv_3x3": 0.625}
    )
