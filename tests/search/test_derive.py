from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones.errors import InputError
from backbones.genotype import Genotype
from backbones.operations import SEARCH_OPERATIONS
from bench.cli import main
from search.derive import Architecture, derive, read_architecture

RULES = ("darts", "pc-darts", "p-darts")


def random_architecture(seed: int, nodes: int, candidates: int, rule: str, **more: Any) -> Architecture:
    draw = np.random.default_rng(seed)
    edges = sum(range(2, nodes + 2))
    values: dict[str, Any] = {"nodes": nodes, "rule": rule, **more}
    for cell in ("normal", "reduce"):
        rows = []
        for _ in range(edges):
            row = draw.choice(SEARCH_OPERATIONS, candidates, replace=False).tolist()
            rows.append(row)
        values[f"operations_{cell}"] = rows
        values[f"alpha_{cell}"] = draw.normal(0, draw.choice([0.1, 1, 5]), (edges, candidates)).tolist()
        values[f"beta_{cell}"] = draw.normal(0, 1, edges).tolist() if rule == "pc-darts" else None
    return Architecture.model_validate(values)


def oracle(architecture: Architecture, limit: int | None) -> tuple[Genotype | None, int]:
    """The papers' rules, written from them: a dictionary from (source, target, operation) to a weight.

    Gives the genotype, or None where the restriction cannot be met, and how many skips it has without restriction.
    """
    cells: dict[str, list[tuple[str, int]]] = {}
    unrestricted = 0
    for cell in ("normal", "reduce"):
        weights: dict[tuple[int, int, str], float] = {}
        edge = 0
        for target in range(2, architecture.nodes + 2):
            first = edge
            for source in range(target):
                alpha = getattr(architecture, f"alpha_{cell}")[edge]
                names = getattr(architecture, f"operations_{cell}")[edge]
                total = sum(math.exp(value) for value in alpha)
                share = 1.0
                if architecture.rule == "pc-darts":
                    beta = getattr(architecture, f"beta_{cell}")
                    share = math.exp(beta[edge]) / sum(math.exp(value) for value in beta[first : first + target])
                for name, value in zip(names, alpha, strict=True):
                    if name != "none":
                        weights[source, target, name] = share * math.exp(value) / total
                edge += 1
        chosen = choose(weights, architecture.nodes)
        if cell == "normal":
            unrestricted = sum(key[2] == "skip_connect" for key in chosen)
            while limit is not None:
                skips = [key for key in chosen if key[2] == "skip_connect"]
                if len(skips) <= limit:
                    break
                weakest = min(skips, key=lambda key: weights[key])
                if weights[weakest] == 0:
                    return None, unrestricted
                weights[weakest] = 0.0
                chosen = choose(weights, architecture.nodes)
        cells[cell] = [(name, source) for source, _, name in chosen]
    concat = tuple(range(2, architecture.nodes + 2))
    return Genotype(tuple(cells["normal"]), concat, tuple(cells["reduce"]), concat), unrestricted


def choose(weights: dict[tuple[int, int, str], float], nodes: int) -> list[tuple[int, int, str]]:
    chosen = []
    for target in range(2, nodes + 2):
        best = []
        for source in range(target):
            keys = [key for key in weights if key[:2] == (source, target)]
            best.append(max(keys, key=lambda key: weights[key]))
        # Equal weights: the edge from the earlier node.
        chosen += sorted(sorted(best, key=lambda key: (-weights[key], key))[:2])
    return chosen


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.integers(2, 8),
    st.sampled_from(RULES),
    st.none() | st.integers(0, 8),
)
@settings(deadline=None, max_examples=120)
def test_follows_the_papers_rules(seed: int, nodes: int, candidates: int, rule: str, limit: int | None) -> None:
    architecture = random_architecture(seed, nodes, candidates, rule)
    expected, _ = oracle(architecture, limit)
    if expected is None:
        with pytest.raises(InputError, match=f"max_skips={limit}"):
            derive(architecture, limit)
    else:
        assert derive(architecture, limit) == expected
        own = architecture.model_copy(update={"max_skips": limit})
        assert derive(own) == expected


@given(st.integers(0, 2**32 - 1), st.sampled_from(RULES))
@settings(deadline=None, max_examples=60)
def test_the_skip_restriction_holds_and_is_monotone(seed: int, rule: str) -> None:
    architecture = random_architecture(seed, 4, 8, rule)
    _, unrestricted = oracle(architecture, None)
    counts = [derive(architecture, limit).skip_count for limit in range(9)]
    assert all(count <= limit for limit, count in enumerate(counts))
    assert counts == sorted(counts)
    free = derive(architecture)
    assert free.skip_count == unrestricted
    assert all(derive(architecture, limit) == free for limit in range(unrestricted, 9))


def from_weights(normal: list[dict[str, float]], **more: Any) -> Architecture:
    """A cell of given weights (they sum to 1 on an edge), for both cells."""
    values: dict[str, Any] = {"nodes": {2: 1, 5: 2}[len(normal)], "rule": "p-darts", **more}
    for cell in ("normal", "reduce"):
        values[f"alpha_{cell}"] = [[math.log(value) for value in row.values()] for row in normal]
        values[f"operations_{cell}"] = [list(row) for row in normal]
    return Architecture.model_validate(values)


#: Into node 2 from 0, 1; into node 3 from 0, 1, 2.
RESTRICTED = [
    {"skip_connect": 0.9, "sep_conv_3x3": 0.1},
    {"skip_connect": 0.6, "sep_conv_3x3": 0.4},
    {"skip_connect": 0.8, "sep_conv_3x3": 0.2},
    {"skip_connect": 0.3, "sep_conv_3x3": 0.7},
    {"skip_connect": 0.55, "sep_conv_3x3": 0.45},
]
SKIP, CONV = "skip_connect", "sep_conv_3x3"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (3, ((SKIP, 0), (SKIP, 1), (SKIP, 0), (CONV, 1))),
        # The weakest of .9, .6, .8 goes: edge 1 -> 2.
        (2, ((SKIP, 0), (CONV, 1), (SKIP, 0), (CONV, 1))),
        # Then .8 goes, 0 -> 3 is left with .2, and 2 -> 3 takes its place by a skip of .55, which goes too.
        (1, ((SKIP, 0), (CONV, 1), (CONV, 1), (CONV, 2))),
        (0, ((CONV, 0), (CONV, 1), (CONV, 1), (CONV, 2))),
    ],
)
def test_skip_restriction_by_hand(limit: int, expected: tuple[tuple[str, int], ...]) -> None:
    genotype = derive(from_weights(RESTRICTED), limit)
    assert genotype.normal == expected
    # P-DARTS restricts the normal cell only.
    assert genotype.reduce == ((SKIP, 0), (SKIP, 1), (SKIP, 0), (CONV, 1))


def test_an_argument_overrides_the_files_own_restriction() -> None:
    architecture = from_weights(RESTRICTED, max_skips=0)
    assert derive(architecture).skip_count == 0
    assert derive(architecture, 3).skip_count == 3


def test_a_restriction_that_cannot_be_met() -> None:
    architecture = from_weights([{SKIP: 1.0}, {SKIP: 1.0}])
    assert derive(architecture, 2).skip_count == 2
    for limit in (0, 1):
        with pytest.raises(InputError, match=f"max_skips={limit}: node 2"):
            derive(architecture, limit)


def test_a_weight_that_underflows_still_goes_before_a_forbidden_skip() -> None:
    """softmax of (0, -2000) is (1, 0): with the skip's weight 0 as well, the convolution must win."""
    row = {SKIP: 0.0, CONV: -2000.0}
    architecture = from_weights(RESTRICTED[:2]).model_copy(
        update={"alpha_normal": [list(row.values())] * 2, "operations_normal": [list(row)] * 2}
    )
    assert derive(architecture, 0).normal == ((CONV, 0), (CONV, 1))


def test_none_is_never_chosen_and_does_not_compete() -> None:
    rows = [
        {"none": 0.98, CONV: 0.02},
        {"none": 0.1, CONV: 0.5, SKIP: 0.4},
        {"none": 0.9, SKIP: 0.06, CONV: 0.04},
        {"none": 0.5, CONV: 0.3, SKIP: 0.2},
        {"none": 0.2, CONV: 0.5, SKIP: 0.3},
    ]
    rows = [dict(sorted({CONV: 1e-6, SKIP: 1e-6, **row}.items())) for row in rows]
    for rule in ("darts", "p-darts"):
        architecture = from_weights(rows, rule=rule)
        assert derive(architecture).normal == ((CONV, 0), (CONV, 1), (CONV, 1), (CONV, 2))


def test_edge_weights_decide_under_pc_darts_only() -> None:
    """0 -> 3 has the weakest operation but the strongest edge: .4 * .8 against .6 * .1 and .5 * .1."""
    rows = [{CONV: 0.5, SKIP: 0.5}] * 2 + [{CONV: 0.6, SKIP: 0.4}, {CONV: 0.9, SKIP: 0.1}, {CONV: 0.8, SKIP: 0.2}]
    beta = [0.0, 0.0, math.log(0.8), math.log(0.05), math.log(0.15)]
    assert derive(from_weights(rows)).normal[2:] == ((CONV, 1), (CONV, 2))
    architecture = from_weights(rows, rule="pc-darts", beta_normal=beta, beta_reduce=[0.0] * 5)
    genotype = derive(architecture)
    # .6 * .8 = .48, .9 * .05 = .045, .8 * .15 = .12
    assert genotype.normal[2:] == ((CONV, 0), (CONV, 2))
    assert genotype.reduce[2:] == ((CONV, 1), (CONV, 2))
    # Without that rule β is not looked at.
    assert derive(architecture.model_copy(update={"rule": "darts"})).normal[2:] == ((CONV, 1), (CONV, 2))


def test_ties_go_to_the_first_operation_and_the_earlier_node() -> None:
    rows = [{CONV: 0.5, SKIP: 0.5}, {SKIP: 0.5, CONV: 0.5}, *({CONV: 0.5, SKIP: 0.5},) * 3]
    assert derive(from_weights(rows)).normal == ((CONV, 0), (SKIP, 1), (CONV, 0), (CONV, 1))


def content(**changes: Any) -> dict[str, Any]:
    values = {**from_weights(RESTRICTED).model_dump(mode="json"), **changes}
    return {key: value for key, value in values.items() if value is not ...}


@given(st.integers(0, 2**32 - 1), st.sampled_from(RULES))
@settings(deadline=None, max_examples=20)
def test_file_round_trip(tmp_path_factory: pytest.TempPathFactory, seed: int, rule: str) -> None:
    architecture = random_architecture(seed, 3, 4, rule, max_skips=2)
    file = tmp_path_factory.mktemp("search") / "architecture.json"
    architecture.save(file)
    assert read_architecture(file) == architecture
    keys = ["alpha", "beta", "operations"]
    assert set(json.loads(file.read_text(encoding="utf-8"))) == {
        *(f"{key}_{cell}" for key in keys for cell in ("normal", "reduce")),
        *("nodes", "rule", "max_skips"),
    }
    assert [path.name for path in file.parent.iterdir()] == ["architecture.json"]


MALFORMED = [
    (content(alpha_normal=...), "alpha_normal"),
    (content(rule=...), "rule"),
    (content(alpha_nromal=1), "did you mean 'alpha_normal'"),
    (content(alpha_normal=[[float("nan"), 0.0]] * 5), "alpha_normal.0.0"),
    (content(alpha_reduce=[[float("inf"), 0.0]] * 5), "alpha_reduce.0.0"),
    (content(alpha_normal=[[0.0, 0.0]] * 4), "alpha_normal: 4 edges"),
    (content(alpha_normal=[[0.0, 0.0]] * 4 + [[0.0]]), "alpha_normal[4]"),
    (content(alpha_normal="text"), "alpha_normal"),
    (content(alpha_normal=[["x", "y"]] * 5), "alpha_normal.0.0"),
    (content(operations_reduce=[[SKIP, CONV]] * 3), "operations_reduce: 3 edges"),
    (content(operations_normal=[[SKIP, "sep_conv_9x9"]] * 5), "operations_normal: unknown operation 'sep_conv_9x9'"),
    (content(operations_reduce=[[SKIP, SKIP]] * 5), "operations_reduce: an edge names an operation twice"),
    (content(operations_normal=[["none"]] * 5, alpha_normal=[[0.0]] * 5), "besides 'none'"),
    (content(rule="pc-darts"), "beta_normal"),
    (content(rule="pc-darts", beta_normal=[0.0] * 5), "beta_reduce"),
    (content(beta_normal=[0.0] * 4), "beta_normal: 4 values"),
    (content(rule="enas"), "rule"),
    (content(nodes=0), "nodes"),
    (content(nodes=3), "3 nodes"),
    (content(nodes=10**9), "nodes"),
    (content(max_skips=-1), "max_skips"),
    ([], "alpha_normal"),
    (None, "alpha_normal"),
]


def refused(file: Path, named: str) -> None:
    with pytest.raises(InputError) as caught:
        read_architecture(file)
    message = str(caught.value)
    assert str(file) in message
    assert named in message
    assert "\n" not in message


@pytest.mark.parametrize(("values", "named"), MALFORMED)
def test_malformed_files_are_named_with_the_key(tmp_path: Path, values: Any, named: str) -> None:
    file = tmp_path / "architecture.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    refused(file, named)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"nodes": ' + b"1" * 5_000 + b"}", b"{'nodes': 4}"],
    ids=["empty", "cut", "bytes", "deep", "digits", "python"],
)
def test_what_is_no_json_is_named(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "architecture.json"
    file.write_bytes(text)
    refused(file, "")
    refused(tmp_path / "none.json", "")
    refused(tmp_path, "")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, check=False)


def test_the_command_prints_one_json_object_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "architecture.json"
    from_weights(RESTRICTED).save(file)
    done = command("derive", str(file), "--max-skips", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "normal": [[SKIP, 0], [CONV, 1], [CONV, 1], [CONV, 2]],
        "normal_concat": [2, 3],
        "reduce": [[SKIP, 0], [SKIP, 1], [SKIP, 0], [CONV, 1]],
        "reduce_concat": [2, 3],
    }


def test_the_command_refuses_a_bad_file_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "architecture.json"
    file.write_text(json.dumps(content(alpha_normal=...)), encoding="utf-8")
    done = command("derive", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "alpha_normal" in done.stderr
    assert str(file) in done.stderr


@pytest.mark.parametrize("limit", ["-1", "two", "1.5", ""])
def test_the_command_refuses_a_bad_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: str) -> None:
    file = tmp_path / "architecture.json"
    from_weights(RESTRICTED).save(file)
    with pytest.raises(SystemExit) as caught:
        main(["derive", str(file), f"--max-skips={limit}"])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "--max-skips" in err


def test_the_command_without_restriction_and_with_an_impossible_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "architecture.json"
    from_weights([{SKIP: 1.0}, {SKIP: 1.0}]).save(file)
    assert main(["derive", str(file)]) == 0
    assert json.loads(capsys.readouterr().out)["normal"] == [[SKIP, 0], [SKIP, 1]]
    assert main(["derive", str(file), "--max-skips", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "max_skips=1" in err
