from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from search.data.settings import Proxy
from search.loop import bilevel as bilevel_module
from search.loop.bilevel import Bilevel
from search.loop.removal import Removals
from search.space import SearchSpace
from search.supernet import ReferenceSuperNet, SuperNet
from search.supernet.twins import give_weights

PROXY = Proxy(root="nowhere", image_size=8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
NAMES = ("none", "skip_connect", "sep_conv_3x3", "max_pool_3x3")
SPACE = SearchSpace.full(2, NAMES)


def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        (torch.randint(0, 256, (24, 3, 8, 8), dtype=torch.uint8, generator=generator), torch.arange(24) % 3)
        for _ in range(2)
    ]


def model(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Bilevel:
    monkeypatch.setattr(bilevel_module, "prepare", lambda images, how, training: images.double() / 128 - 1)
    torch.manual_seed(0)
    net = SuperNet(SPACE, 4, 3, 3, **settings).double()
    with torch.no_grad():
        for parameter in net.architecture_parameters().values():
            parameter.normal_()
    return Bilevel(net, PROXY)


def test_accuracies_are_those_of_the_plain_supernet_without_a_candidate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each batch normalised by itself, the other weights unchanged; nothing of the supernet moves."""
    own = model(monkeypatch)
    reference = ReferenceSuperNet(SPACE, 4, 3, 3).double()
    give_weights(own.supernet, reference)
    before = {name: value.clone() for name, value in own.state_dict().items()}
    log = tmp_path / "decisions.jsonl"
    removals = Removals(own, batches(), log, seed=1)
    removals.take(0)
    line = json.loads(log.read_text(encoding="utf-8"))
    for cell in ("normal", "reduce"):
        edge, without = line[cell]["edge"], line[cell]["without"]
        assert list(without) == ["skip_connect", "sep_conv_3x3", "max_pool_3x3"]
        for name, accuracy in without.items():
            weights = torch.softmax(getattr(reference, f"alpha_{cell}").detach(), dim=1)
            weights[edge, NAMES.index(name)] = 0
            reference.weighting.held[cell] = (torch.ones(5, 1, dtype=torch.bool), weights)
            right = [
                int((reference(images.double() / 128 - 1).argmax(1) == labels).sum()) for images, labels in batches()
            ]
            assert accuracy == pytest.approx(100 * sum(right) / 48)
        assert line[cell]["operation"] == min(without, key=lambda name: without[name])
        # The next decision of this step is made with this one.
        chosen = torch.softmax(getattr(reference, f"alpha_{cell}").detach(), dim=1)
        chosen[edge] = torch.eye(4)[NAMES.index(line[cell]["operation"])]
        reference.weighting.held[cell] = (torch.ones(5, 1, dtype=torch.bool), chosen)
    assert all(torch.equal(value, before[name]) for name, value in own.state_dict().items())


@pytest.mark.parametrize(
    "settings",
    [{}, {"partial_channels": 2, "edge_normalisation": True, "arithmetic": "stacked"}],
    ids=["all", "partial"],
)
def test_every_edge_gets_an_operation_and_every_node_two_edges(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = model(monkeypatch, **settings)
    log = tmp_path / "decisions.jsonl"
    removals = Removals(own, batches(), log, seed=3)
    assert removals.steps == 5 + 1
    for step in range(removals.steps):
        removals.take(step)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    genotype = removals.genotype()
    for cell in ("normal", "reduce"):
        assert sorted(line[cell]["edge"] for line in lines[:5]) == list(range(5))
        operations = {line[cell]["edge"]: line[cell]["operation"] for line in lines[:5]}
        (rounds,), kept = lines[5][cell]["without"], lines[5][cell]["sources"]
        assert lines[5][cell]["node"] == 3
        gone = ({0, 1, 2} - set(kept)).pop()
        assert rounds[str(gone)] == max(rounds.values())
        sources = [(0, 0), (1, 1), *((source, 2 + source) for source in kept)]
        assert getattr(genotype, cell) == tuple((operations[edge], source) for source, edge in sources)
        held, values = own.supernet.weighting.held[cell]
        assert held.all()
        assert values.sum(dim=1).tolist() == [0 if edge == 2 + gone else 1 for edge in range(5)]
        assert own.supernet.weighting.kept[cell].tolist() == values.sum(dim=1).tolist()


def test_a_removed_edge_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither its candidates nor the channels that partial channels pass on."""
    own = model(monkeypatch, partial_channels=2)
    removals = Removals(own, batches(), tmp_path / "decisions.jsonl", seed=3)
    # Both edges into node 2 of the first cell, which is normal; node 3 keeps its inputs.
    for edge in (0, 1):
        removals._remove("normal", edge)
    seen: list[Tensor] = []
    own.supernet.cells[0].register_forward_hook(lambda module, arguments, output: seen.append(output))
    own.supernet.eval()(torch.randn(2, 3, 8, 8, dtype=torch.float64))
    assert (seen[0][:, : seen[0].shape[1] // 2] == 0).all()
    assert (seen[0][:, seen[0].shape[1] // 2 :] != 0).any()


def test_known_decisions_are_taken_from_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "decisions.jsonl"
    found, counts = [], []
    for _ in range(2):
        removals = Removals(model(monkeypatch), batches(), log, seed=3)
        measured: list[Any] = []
        accuracy = removals._accuracy

        def counted(*given: Any, measured: list[Any] = measured, accuracy: Any = accuracy) -> float:
            measured.append(given)
            return float(accuracy(*given))

        monkeypatch.setattr(removals, "_accuracy", counted)
        for step in range(removals.steps):
            removals.take(step)
        found.append((removals.genotype(), log.read_bytes()))
        counts.append(len(measured))
        # As if the selection had been killed before its last step.
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        log.write_text("".join(lines[:-1]), encoding="utf-8")
    assert found[0] == found[1]
    # Three operations on five edges and three edges, of both cells; then the edges alone.
    assert counts == [2 * (5 * 3 + 3), 2 * 3]
