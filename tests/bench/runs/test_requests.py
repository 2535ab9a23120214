"""What is asked for by name, as evaluations; nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbones.errors import InputError
from backbones.files import file_digest
from bench.runs.requests import evaluations, resolved_configs, search_of

PLAIN, PAGE = "classification/digits", "zerocost/digits"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "theirs.pth"
    file.write_bytes(b"theirs")
    return file


def test_every_architecture_under_every_protocol_with_every_seed_once() -> None:
    asked = evaluations(["PDARTS", "DARTS_V2", "PDARTS"], [PLAIN, PAGE, PLAIN], seeds=[3, 1, 3])
    names = [(one.protocol.name, one.architecture.name, one.seed) for one in asked if one.architecture]
    assert names == [
        (protocol, architecture, seed)
        for protocol in (PLAIN, PAGE)
        for architecture in ("PDARTS", "DARTS_V2")
        for seed in (3, 1)
    ]
    assert {one.task.name for one in asked[:4]} == {"classification"}
    assert {one.retrained for one in asked} == {one.weights_file for one in asked} == {None}
    assert not any(one.evaluate_only for one in asked)
    assert [one.seed for one in evaluations(["PDARTS"], [PLAIN])] == [0]


def test_a_limit_is_an_option() -> None:
    (one,) = evaluations(["PDARTS"], [PLAIN], options=["epochs=2"], limit=9)
    assert one.protocol.options == ("epochs=2", "limit=9")
    (one,) = evaluations(["PDARTS"], [PLAIN], options=["epochs=2"])
    assert one.protocol.options == ("epochs=2",)


def test_weights_are_of_one_architecture(weights: Path) -> None:
    one, other = evaluations(["PDARTS", "PDARTS"], [PLAIN], seeds=[0, 1], weights=weights)
    assert (one.weights_file, one.evaluate_only, one.architecture) == (weights, False, other.architecture)
    assert one.architecture is not None
    assert one.architecture.name == "PDARTS"
    assert len(evaluations(["PDARTS", "DARTS_V2"], [PLAIN])) == 2
    with pytest.raises(InputError, match=r"^weights: belong to one architecture"):
        evaluations(["PDARTS", "DARTS_V2"], [PLAIN], weights=weights)
    with pytest.raises(InputError, match="no such file"):
        evaluations(["PDARTS"], [PLAIN], weights=weights.with_name("other.pth"))
    with pytest.raises(InputError, match="no such file"):
        evaluations(["PDARTS"], [PLAIN], weights=weights.parent)


def test_weights_that_are_only_scored_are_named_by_their_digest(weights: Path) -> None:
    (one,) = evaluations(["PDARTS"], [PLAIN], weights=weights, evaluate_only=True)
    assert one.architecture is not None
    assert one.architecture.name == f"PDARTS-w{file_digest(weights).removeprefix('sha256:')[:8]}"
    assert (one.weights_file, one.evaluate_only, one.seed) == (weights, True, 0)
    with pytest.raises(InputError, match=r"^evaluate only: weights are missing"):
        evaluations(["PDARTS"], [PLAIN], evaluate_only=True)
    for seeds in ([1], [0, 1], []):
        with pytest.raises(InputError, match=r"^evaluate only: a seed does not change"):
            evaluations(["PDARTS"], [PLAIN], seeds=seeds, weights=weights, evaluate_only=True)


def test_what_a_task_cannot_do_is_said(weights: Path) -> None:
    with pytest.raises(InputError, match=r"^weights: zerocost scores networks at initialisation"):
        evaluations(["PDARTS"], [PAGE], weights=weights)
    with pytest.raises(InputError, match=r"^evaluate only: detection cannot score weights without training"):
        evaluations(["PDARTS"], ["detection/digits_ssd"], weights=weights, evaluate_only=True)
    with pytest.raises(InputError, match=r"^launcher pytorch: reid runs in one process only"):
        evaluations(["PDARTS"], [PLAIN, "reid/digits_p3"], launcher="pytorch")
    with pytest.raises(InputError, match=r"^test-dev: needs a detection protocol, not one of classification"):
        evaluations(["PDARTS"], [PLAIN], test_dev="coco")
    assert len(evaluations(["PDARTS"], [PLAIN], launcher="pytorch")) == 1
    assert len(evaluations(["PDARTS"], ["detection/digits_ssd"], test_dev="coco", weights=weights)) == 1
    with pytest.raises(InputError, match="expected one of classification, detection, reid"):
        evaluations(["PDARTS"], ["search/digits_pc_darts"])


def test_a_search_is_of_a_protocol_and_a_seed() -> None:
    one = search_of("search/digits_pc_darts", 5, ["embedded=None"])
    assert (one.task.name, one.protocol.name, one.seed) == ("search", "search/digits_pc_darts", 5)
    assert one.protocol.options == ("embedded=None",)
    assert one.architecture is one.retrained is one.weights_file is None
    assert search_of("search/digits_pc_darts").seed == 0
    key = "sha256:" + "0123456789abcdef" * 4
    assert one.name(key) == "search/digits_pc_darts/digits_pc_darts-s5-01234567/seed5"
    assert one.title == "search/digits_pc_darts · seed 5"
    with pytest.raises(InputError, match="expected 'search'"):
        search_of(PLAIN)


def test_resolved_configs_are_those_of_every_protocol_with_every_architecture() -> None:
    texts = list(resolved_configs(["PDARTS", "DARTS_V2"], [PLAIN], options=["epochs=17"]))
    assert len(texts) == 2
    assert all("17" in text for text in texts)
