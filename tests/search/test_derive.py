from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones.errors import InputError
from backbones.genotype import SEARCH_OPERATIONS, Genotype
from bench.commands.cli import main
from search.derive import Architecture, derive, read_architecture, save_genotypes
from search.run import run_search
from search.settings import SearchSettings

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


def tied_architecture(draw: st.DrawFn, rule: str) -> Architecture:
    """Few different values, so that edges and operations tie; every edge its own candidates, pruned at random."""
    nodes = draw(st.integers(2, 5))
    candidates = draw(st.integers(2, 4))
    edges = sum(range(2, nodes + 2))
    values: dict[str, Any] = {"nodes": nodes, "rule": rule}
    for cell in ("normal", "reduce"):
        row = st.lists(st.sampled_from(SEARCH_OPERATIONS), min_size=candidates, max_size=candidates, unique=True)
        alpha = st.lists(st.integers(0, 2).map(float), min_size=candidates, max_size=candidates)
        values[f"operations_{cell}"] = draw(st.lists(row, min_size=edges, max_size=edges))
        values[f"alpha_{cell}"] = draw(st.lists(alpha, min_size=edges, max_size=edges))
        values[f"beta_{cell}"] = [0.5] * edges if rule == "pc-darts" else None
    return Architecture.model_validate(values)


tied_architectures = st.sampled_from(RULES).flatmap(lambda rule: st.composite(tied_architecture)(rule))


def exact_weights(architecture: Architecture, cell: str) -> dict[tuple[int, int, str], Decimal]:
    """(source, target, operation) to its weight, to 60 digits."""
    weights: dict[tuple[int, int, str], Decimal] = {}
    with localcontext(prec=60):
        alpha, beta = (getattr(architecture, f"{kind}_{cell}") for kind in ("alpha", "beta"))
        pairs = [(source, target) for target in range(2, architecture.nodes + 2) for source in range(target)]
        for edge, (source, target) in enumerate(pairs):
            share = Decimal(1)
            if architecture.rule == "pc-darts":
                into = [Decimal(beta[other]).exp() for other, pair in enumerate(pairs) if pair[1] == target]
                share = Decimal(beta[edge]).exp() / sum(into)
            powers = [Decimal(value).exp() for value in alpha[edge]]
            # Equal weights whose sums were rounded differently are equal.
            weights |= {
                (source, target, name): +(share * power / sum(powers)).quantize(Decimal("1e-45"))
                for name, power in zip(getattr(architecture, f"operations_{cell}")[edge], powers, strict=True)
            }
    return weights


def brute_force(weights: dict[tuple[int, int, str], Decimal], nodes: int) -> list[tuple[int, int, str]]:
    """Of all ways to give every node two edges with an operation each, the best by the papers' rule.

    A way is better if its stronger edge is stronger, then if its weaker one is, where an edge can only have an
    operation that none on that edge outweighs. Ways are tried in the order in which ties are resolved.
    """
    chosen: list[tuple[int, int, str]] = []
    for target in range(2, nodes + 2):
        keys = [key for key in weights if key[1] == target and key[2] != "none"]
        best: tuple[list[Decimal], list[tuple[int, int, str]]] | None = None
        for pair in itertools.combinations(keys, 2):
            if pair[0][0] == pair[1][0]:
                continue
            if any(weights[other] > weights[key] for key in pair for other in keys if other[:2] == key[:2]):
                continue
            scores = sorted((weights[key] for key in pair), reverse=True)
            if best is None or scores > best[0]:
                best = (scores, list(pair))
        assert best is not None
        chosen += best[1]
    return chosen


def refined(architecture: Architecture, limit: int) -> list[tuple[int, int, str]] | None:
    """P-DARTS 4.3.2 in its own words: zero all but the M strongest skip connections of the cell, build it again."""
    weights = exact_weights(architecture, "normal")
    cell = brute_force(weights, architecture.nodes)
    while True:
        skips = [key for key in cell if key[2] == "skip_connect"]
        if len(skips) <= limit:
            return cell
        others = sorted(skips, key=lambda key: -weights[key])[limit:]
        if any(weights[key] == 0 for key in others):
            return None
        weights |= dict.fromkeys(others, Decimal(0))
        cell = brute_force(weights, architecture.nodes)


def entries(cell: list[tuple[int, int, str]]) -> tuple[tuple[str, int], ...]:
    return tuple((name, source) for source, _, name in cell)


@given(tied_architectures)
@settings(deadline=None, max_examples=120)
def test_the_best_of_all_cells_ties_included(architecture: Architecture) -> None:
    genotype = derive(architecture)
    for cell in ("normal", "reduce"):
        expected = brute_force(exact_weights(architecture, cell), architecture.nodes)
        assert getattr(genotype, cell) == entries(expected)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 8), st.sampled_from(RULES), st.integers(0, 10))
@settings(deadline=None, max_examples=120)
def test_the_restriction_is_the_papers_refinement(
    seed: int, nodes: int, candidates: int, rule: str, limit: int
) -> None:
    """One skip connection at a time comes to the same as all but M at once."""
    architecture = random_architecture(seed, nodes, candidates, rule)
    expected = refined(architecture, limit)
    if expected is None:
        with pytest.raises(InputError, match=f"max_skips={limit}: node .* cannot be reached"):
            derive(architecture, limit)
    else:
        assert derive(architecture, limit).normal == entries(expected)


@given(tied_architectures, st.integers(0, 10))
@settings(deadline=None, max_examples=60)
def test_of_equally_weak_skips_the_last_goes_first(architecture: Architecture, limit: int) -> None:
    weights = exact_weights(architecture, "normal")
    cell = brute_force(weights, architecture.nodes)
    reachable = True
    while reachable and sum(key[2] == "skip_connect" for key in cell) > limit:
        weakest = min(reversed([key for key in cell if key[2] == "skip_connect"]), key=lambda key: weights[key])
        reachable = weights[weakest] > 0
        weights[weakest] = Decimal(0)
        cell = brute_force(weights, architecture.nodes)
    if reachable:
        assert derive(architecture, limit).normal == entries(cell)
    else:
        with pytest.raises(InputError, match="cannot be reached"):
            derive(architecture, limit)


def test_edges_with_the_same_values_in_another_order_tie() -> None:
    """Summed one after the other, .1, .2 and .3 give another sum than .3, .2 and .1."""
    values = [0.1, 0.2, 0.3, 2.7, 1.9]
    names = ["skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
    for order in itertools.permutations(range(5)):
        rows = [(names, values)] * 3 + [([names[i] for i in order], [values[i] for i in order])] * 2
        architecture = Architecture(
            alpha_normal=[row[1] for row in rows],
            alpha_reduce=[values] * 5,
            operations_normal=[row[0] for row in rows],
            operations_reduce=[names] * 5,
            nodes=2,
            rule="darts",
        )
        assert derive(architecture).normal == (("dil_conv_3x3", 0), ("dil_conv_3x3", 1)) * 2


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(2, 8), st.sampled_from([None, 0, 2]))
@settings(deadline=None, max_examples=30)
def test_all_restrictions_are_saved(
    tmp_path_factory: pytest.TempPathFactory, seed: int, nodes: int, candidates: int, default: int | None
) -> None:
    architecture = random_architecture(seed, nodes, candidates, "p-darts", max_skips=default)
    file = tmp_path_factory.mktemp("search") / "genotypes.json"
    save_genotypes(architecture, file)
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert saved["default"] == default
    assert list(saved["max_skips"]) == [str(limit) for limit in range({5: 11}.get(nodes, 9))]
    for limit, entry in saved["max_skips"].items():
        if entry["genotype"] is None:
            with pytest.raises(InputError) as caught:
                derive(architecture, int(limit))
            assert entry == {"skip_count": None, "genotype": None, "reason": str(caught.value)}
        else:
            genotype = derive(architecture, int(limit))
            assert entry == {"skip_count": genotype.skip_count, "genotype": genotype.to_json()}
            assert genotype.skip_count <= int(limit)
    # The last restricts nothing.
    free = derive(architecture.model_copy(update={"max_skips": None}))
    assert entry["genotype"] == free.to_json()


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


def test_a_skip_that_has_underflown_gives_way() -> None:
    rows = {"none": 0.0, SKIP: -2000.0, CONV: -2000.0}
    architecture = from_weights(RESTRICTED[:2]).model_copy(
        update={"alpha_normal": [list(rows.values())] * 2, "operations_normal": [list(rows)] * 2}
    )
    assert derive(architecture).normal == ((SKIP, 0), (SKIP, 1))
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


def test_of_two_equally_weak_skips_the_later_goes() -> None:
    architecture = from_weights([{SKIP: 0.6, CONV: 0.4}] * 5)
    # 1 -> 3 goes, and 2 -> 3, which comes in for it, goes too.
    assert derive(architecture, 3).normal == ((SKIP, 0), (SKIP, 1), (SKIP, 0), (CONV, 1))
    assert derive(architecture, 2).normal == ((SKIP, 0), (SKIP, 1), (CONV, 0), (CONV, 1))
    assert derive(architecture, 1).normal == ((SKIP, 0), (CONV, 1), (CONV, 0), (CONV, 1))


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
    (content(max_skips="two"), "max_skips"),
    (content(alpha_normal=[[10**400, 0.0]] * 5), "alpha_normal.0.0"),
    (content(beta_normal={"0": 1.0}), "beta_normal"),
    (content(operations_normal=[[SKIP, CONV]] * 4 + [[SKIP]]), "alpha_normal[4]: 2 values for 1 operations"),
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


def test_a_finished_search_leaves_what_derive_needs(
    tiny_search: Callable[..., SearchSettings], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a space drawn by seed, the whole way."""
    stage = {"epochs": 1, "frozen_epochs": 0, "layers": 3, "channels": 4, "keep": 3, "keep_by": "random"}
    result = run_search(tiny_search(stages=[stage]), tmp_path, seed=5)
    capsys.readouterr()
    saved = json.loads((tmp_path / "genotypes.json").read_text(encoding="utf-8"))
    assert saved["default"] == 1
    assert saved["max_skips"]["1"]["genotype"] == result.genotype.to_json()
    for limit, entry in saved["max_skips"].items():
        assert main(["derive", str(tmp_path / "architecture.json"), "--max-skips", limit]) == 0
        assert json.loads(capsys.readouterr().out) == entry["genotype"]
    rows = result.architecture.operations_normal + result.architecture.operations_reduce
    assert {len(row) for row in rows} == {3}
    # `none` is drawn like any other candidate, and is in no genotype (P-DARTS 4.3.1).
    cells = result.genotype.normal + result.genotype.reduce
    assert "none" not in {operation for operation, _ in cells}


def test_help_says_how_ties_are_resolved(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["derive", "--help"])
    assert caught.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Ties: the first of an edge's candidates wins, and the edge from the earlier node" in out
    assert "of equally weak skip connections the last is removed first" in out


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
