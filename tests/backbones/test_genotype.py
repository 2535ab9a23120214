from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones import zoo
from backbones.errors import InputError
from backbones.genotype import OPERATIONS, Genotype

GOOD: dict[str, Any] = {
    "normal": [["sep_conv_3x3", 0], ["skip_connect", 1], ["dil_conv_5x5", 2], ["max_pool_3x3", 0]],
    "normal_concat": [2, 3],
    "reduce": [["avg_pool_3x3", 0], ["none", 1]],
    "reduce_concat": [2],
}
#: P-DARTS' CIFAR-10 cell as its authors print it.
PDARTS_PRINTED = (
    "Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0),('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3',0), ('dil_conv_5x5', 4)], "
    "normal_concat=range(2, 6), reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), "
    "('dil_conv_5x5', 2), ('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], "
    "reduce_concat=range(2, 6))"
)


@st.composite
def cells(draw: st.DrawFn) -> tuple[tuple[tuple[str, int], ...], tuple[int, ...]]:
    nodes = draw(st.integers(1, 7))
    edges = tuple(
        (draw(st.sampled_from(OPERATIONS)), draw(st.integers(0, place // 2 + 1))) for place in range(2 * nodes)
    )
    concat = draw(st.lists(st.integers(2, nodes + 1), min_size=1, unique=True))
    return edges, tuple(concat)


@st.composite
def genotypes(draw: st.DrawFn) -> Genotype:
    (normal, normal_concat), (reduce, reduce_concat) = draw(cells()), draw(cells())
    return Genotype(normal, normal_concat, reduce, reduce_concat)


@given(genotypes())
@settings(deadline=None)
def test_printed_and_json_forms_read_back_as_the_same_genotype(genotype: Genotype) -> None:
    for text in (str(genotype), repr(genotype), json.dumps(genotype.to_json()), f"epoch 3 INFO {genotype} (best)"):
        again = Genotype.parse(text)
        assert again == genotype
        assert hash(again) == hash(genotype)
        assert again.digest == genotype.digest
    assert Genotype.from_json(genotype.to_json()) == genotype


@given(genotypes(), genotypes())
@settings(deadline=None, max_examples=40)
def test_equality_and_digest_agree(one: Genotype, other: Genotype) -> None:
    assert (one == other) == (one.digest == other.digest) == (one.to_json() == other.to_json())


def test_reads_what_the_authors_print_with_a_pinned_digest() -> None:
    genotype = Genotype.parse(PDARTS_PRINTED)
    assert genotype.digest == "936c50b4af45ffc0cf835725a0a24948cbc1c28f88b0da8d0cc50326d84da6ed"
    assert genotype.normal_concat == (2, 3, 4, 5)
    assert genotype.nodes == 4
    assert genotype.skip_count == 2
    assert genotype.operation_counts() == {"skip_connect": 2, "dil_conv_3x3": 1, "sep_conv_3x3": 4, "dil_conv_5x5": 1}
    assert genotype.operation_counts("reduce")["dil_conv_5x5"] == 2


def test_made_from_lists_it_is_the_same_and_cannot_be_changed() -> None:
    parsed = Genotype.parse(PDARTS_PRINTED)
    normal = [list(edge) for edge in parsed.normal]
    made = Genotype(normal=normal, normal_concat=range(2, 6), reduce=list(parsed.reduce), reduce_concat=[2, 3, 4, 5])
    assert made == parsed
    assert hash(made) == hash(parsed)
    normal[0][0] = "none"
    assert made == parsed
    with pytest.raises(AttributeError):
        made.normal = ()  # type: ignore[misc]


@pytest.mark.parametrize(
    "edges", [None, (("none", 0.0), ("none", 1)), (("none", True), ("none", 1)), (("none", "1"), ("none", 0)), 3]
)
def test_made_from_anything_else_it_is_refused(edges: Any) -> None:
    with pytest.raises(InputError, match="normal"):
        Genotype(edges, (2,), (("none", 0), ("none", 1)), (2,))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("Genotype(", "Genotype ("),
        lambda text: "\x1b[32m" + text + "\x1b[0m",
        lambda text: text.replace("range(2, 6)", "list(range(2, 6))"),
        lambda text: text.replace("range(2, 6)", "range(2, 6, 1)"),
        lambda text: text.replace("range(2, 6)", "tuple([2, 3, 4, 5])"),
        lambda text: re.sub(r"\b(normal|reduce)(_concat)?=", "", text),
        lambda text: json.dumps({"name": "x", "genotype": Genotype.parse(text).to_json()}),
    ],
)
def test_other_ways_of_writing_it(change: Callable[[str], str], tmp_path: Path) -> None:
    file = tmp_path / "genotype.txt"
    file.write_text(change(PDARTS_PRINTED))
    assert Genotype.read(file) == Genotype.parse(PDARTS_PRINTED)


def test_depth_of_brackets_and_length_are_bounded() -> None:
    with pytest.raises(InputError, match="nested too deeply"):
        Genotype.parse(with_normal("[" * 60 + "]" * 60))
    with pytest.raises(InputError, match="too long for a genotype"):
        Genotype.parse("{" + " " * 20_000 + "}")
    with pytest.raises(InputError, match="too long for a genotype"):
        Genotype.parse("Genotype(" + " " * 20_000 + ")")


@pytest.mark.parametrize(
    ("name", "cell", "levels", "longest"),
    [
        # P-DARTS 5.2.1: of DARTS_V2's edges "7 over 8 of level 1 and level 2".
        ("DARTS_V2", "normal", (1, 2, 1, 2, 2, 1, 1, 3), 2),
        ("PDARTS", "normal", (1, 2, 1, 2, 2, 3, 1, 4), 3),
        ("PDARTS", "reduce", (1, 2, 1, 3, 1, 2, 2, 4), 3),
        ("NASNet", "normal", (2, 1, 1, 1, 2, 1, 1, 1, 2, 2), 1),
        # AmoebaNet's output concatenates nodes 4, 5 and 6: c -> 2 -> 3 -> 4 is its longest way.
        ("AmoebaNet", "normal", (1, 2, 1, 3, 1, 4, 2, 2, 1, 2), 3),
    ],
)
def test_depth(name: str, cell: str, levels: tuple[int, ...], longest: int) -> None:
    genotype = zoo.get(name).genotype
    assert genotype.edge_levels(cell) == levels
    assert genotype.longest_path(cell) == longest


def test_a_way_that_no_output_ends_is_no_path() -> None:
    cell = (("none", 0), ("none", 1), ("none", 2), ("none", 0), ("none", 0), ("none", 0))
    genotype = Genotype(cell, (4,), cell, (2, 3))
    # A node that reads c_{k-2} only lies one level higher than one that reads c_{k-1}.
    assert genotype.edge_levels() == (1, 2, 3, 1, 1, 1)
    assert (genotype.longest_path("normal"), genotype.longest_path("reduce")) == (1, 2)


@given(genotypes(), st.sampled_from(["normal", "reduce"]))
@settings(deadline=None)
def test_the_longest_path_is_the_one_that_a_search_of_all_ways_finds(genotype: Genotype, cell: str) -> None:
    def deepest(node: int) -> int:
        inputs = getattr(genotype, cell)[2 * node - 4 : 2 * node - 2]
        return 0 if node < 2 else 1 + max(deepest(source) for _, source in inputs)

    assert genotype.longest_path(cell) == max(deepest(node) for node in getattr(genotype, f"{cell}_concat"))
    assert max(genotype.edge_levels(cell)) <= genotype.nodes_of(cell) + 1


def test_a_log_may_print_a_genotype_often_and_hold_only_one(tmp_path: Path) -> None:
    file = tmp_path / "search.log"
    file.write_text("\n".join(f"epoch {epoch} genotype = {PDARTS_PRINTED}" for epoch in range(300)))
    assert Genotype.read(file) == Genotype.parse(PDARTS_PRINTED)
    file.write_text(f"{PDARTS_PRINTED}\n{Genotype.random(0)}\n")
    with pytest.raises(InputError, match=r"search\.log: holds 2 different genotypes; choose one"):
        Genotype.read(file)
    file.write_text("Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')\n")
    with pytest.raises(InputError, match="holds no genotype"):
        Genotype.read(file)
    with pytest.raises(InputError, match="cannot be read"):
        Genotype.read(tmp_path / "none.txt")


def test_the_order_of_a_nodes_edges_is_kept() -> None:
    swapped = {**GOOD, "normal": [GOOD["normal"][1], GOOD["normal"][0], *GOOD["normal"][2:]]}
    assert Genotype.from_json(swapped) != Genotype.from_json(GOOD)
    assert Genotype.from_json(swapped).normal[0] == ("skip_connect", 1)


def test_random_is_deterministic_and_valid() -> None:
    assert Genotype.random(7) == Genotype.random(7)
    assert len({Genotype.random(seed) for seed in range(50)}) == 50
    genotype = Genotype.random(0, nodes=3)
    assert len(genotype.normal) == len(genotype.reduce) == 6
    assert genotype.normal_concat == genotype.reduce_concat == (2, 3, 4)


def test_random_is_uniform() -> None:
    operations: Counter[str] = Counter()
    pairs: Counter[tuple[int, int]] = Counter()
    drawn = 2_000
    for seed in range(drawn):
        genotype = Genotype.random(seed)
        for cell in (genotype.normal, genotype.reduce):
            operations.update(name for name, _ in cell)
            pairs[cell[6][1], cell[7][1]] += 1
            assert all(cell[place][1] < cell[place + 1][1] for place in (0, 2, 4, 6))
    # DARTS' seven operations beside `none`; the last of four nodes has 5 * 4 / 2 pairs of inputs.
    assert len(operations) == 7
    assert len(pairs) == 10
    assert not {"none", "sep_conv_7x7", "conv_7x1_1x7", "noise"} & operations.keys()
    for counter in (operations, pairs):
        total, share = counter.total(), 1 / len(counter)
        deviation = math.sqrt(total * share * (1 - share))
        assert all(abs(count - total * share) < 5 * deviation for count in counter.values())


def changed(**changes: Any) -> dict[str, Any]:
    content = {**GOOD, **changes}
    return {key: value for key, value in content.items() if value is not ...}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "normal, normal_concat"),
        ([], "normal, normal_concat"),
        ("text", "normal, normal_concat"),
        (changed(reduce=...), "'reduce' is missing"),
        (changed(extra=1), "'extra'"),
        (changed(normal=5), "normal:"),
        (changed(normal=[]), "normal:"),
        (changed(normal=GOOD["normal"][:3]), "normal: 3 edges"),
        (changed(normal=[["sep_conv_3x3"], ["none", 0]]), "normal[0]"),
        (changed(normal=[["none", 0], "ab"]), "normal[1]"),
        (changed(reduce=[["none", 0], [3, 1]]), "reduce[1]"),
        (changed(reduce=[["none", 0], [None, 1]]), "reduce[1]"),
        (changed(reduce=[["none", 0], [["none"], 1]]), "reduce[1]"),
        (changed(reduce=[["none", 0], ["none", True]]), "reduce[1]"),
        (changed(reduce=[["none", 0], ["none", 1.0]]), "reduce[1]"),
        (changed(reduce=[["none", 0], ["none", "1"]]), "reduce[1]"),
        (changed(reduce=[["none", 0], ["none", -1]]), "reduce[1]"),
        (changed(reduce=[["none", 0], ["none", 2]]), "node 2 cannot read node 2"),
        (changed(reduce=[["none", 0], ["none", 10**6000]]), "reduce[1]"),
        (changed(reduce=[["none", 0], ["sep_conv_3X3", 1]]), "'sep_conv_3X3'"),
        (changed(reduce=[["none", 0], ["x" * 10_000, 1]]), "reduce[1]"),
        (changed(reduce=[["none", 0], ["a\nb", 1]]), "reduce[1]"),
        (changed(normal=[["none", 0]] * 66, normal_concat=[2]), "33 intermediate nodes"),
        (changed(normal_concat=[]), "normal_concat"),
        (changed(normal_concat=[2, 2]), "normal_concat"),
        (changed(normal_concat=[1]), "normal_concat[0]"),
        (changed(normal_concat=[2, 4]), "normal_concat[1]"),
        (changed(normal_concat=[2, "3"]), "normal_concat[1]"),
        (changed(normal_concat=[-(10**6000)]), "normal_concat[0]"),
        (changed(normal_concat={"2": 3}), "normal_concat"),
        ({"k\n" * 5_000: 1, **GOOD}, "unknown key"),
    ],
)
def test_malformed_content_is_named_in_one_short_line(content: Any, named: str) -> None:
    with pytest.raises(InputError) as caught:
        Genotype.from_json(content, where="my.json")
    message = str(caught.value)
    assert message.startswith("my.json: ")
    assert named in message
    assert "\n" not in message
    assert len(message) < 300


def with_normal(text: str) -> str:
    return f"Genotype(normal={text}, normal_concat=[2], reduce=[('none', 0), ('none', 1)], reduce_concat=[2])"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "genotype",
        "Genotype(",
        "Genotype()",
        "Genotype(1)",
        "Genotype(**{})",
        "Genotype(normal=1, normal=1)",
        PDARTS_PRINTED[:-1],
        PDARTS_PRINTED[:100],
        PDARTS_PRINTED.replace("range(2, 6)", "range(2, 10**9)"),
        PDARTS_PRINTED.replace("range(2, 6)", "range(2, 1000000000)"),
        PDARTS_PRINTED.replace("range(2, 6)", "range(2, 6, 0)"),
        PDARTS_PRINTED.replace("range(2, 6)", "range('a')"),
        PDARTS_PRINTED.replace("range(2, 6)", "range({[]: 1})"),
        PDARTS_PRINTED.replace("range(2, 6)", "open('touched', 'w')"),
        with_normal("__import__('os').system('touch touched')"),
        with_normal("[(__import__('os').system('touch touched'), 0), ('none', 1)]"),
        with_normal("[open('touched', 'w') for _ in (1,)]"),
        with_normal("(lambda: open('touched', 'w'))()"),
        with_normal("f\"{open('touched', 'w')}\""),
        with_normal("{[]: 1}"),
        with_normal("[0] * 10**9"),
        with_normal(f"[('none', 0x{'f' * 6000}), ('none', 0)]"),
        with_normal(f"[('none', {'9' * 6000}), ('none', 0)]"),
        with_normal(f"[('{'x' * 10_000}', 0), ('none', 0)]"),
        with_normal("[" * 5_000 + "]" * 5_000),
        with_normal("-" * 15_000 + "1"),
        with_normal("1+" * 7_000 + "1"),
        with_normal("a" + ".a" * 7_000),
        with_normal("'\0'"),
        with_normal("'\ud800'"),
        with_normal("[('a\nb', 0)]"),
        f"Genotype({'a' * 10_000}=foo())",
        f"Genotype({'a' * 5_000}=1, {'a' * 5_000}=1)",
        "{",
        '{"normal": 1',
        '{"a": ' + "[" * 15_000,
        '{"normal": ' + "1" * 5_000 + "}",
        '{"normal": NaN}',
        "x" * 1_000_000,
    ],
    ids=lambda text: text[:30],
)
def test_malformed_text_is_refused_and_nothing_runs(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        Genotype.parse(text, where="--arch")
    message = str(caught.value)
    assert message.startswith("--arch: ")
    assert "\n" not in message
    assert len(message) < 400
    assert not list(tmp_path.iterdir())


def complaint(read: Callable[[Any], Genotype], content: Any) -> int:
    """How many lines the complaint about the content has; 0 where it is a genotype."""
    try:
        read(content)
    except InputError as error:
        return len(str(error).splitlines())
    return 0


@given(st.text(max_size=60), st.integers(0, len(PDARTS_PRINTED)), st.integers(0, 30))
@settings(deadline=None, max_examples=150)
def test_a_damaged_text_gives_an_input_error_or_a_genotype(junk: str, place: int, cut: int) -> None:
    text = PDARTS_PRINTED[:place] + junk + PDARTS_PRINTED[place + cut :]
    assert complaint(Genotype.parse, text) <= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(OPERATIONS),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=12,
    )
)
@settings(deadline=None, max_examples=150)
def test_any_json_value_gives_an_input_error_or_a_genotype(value: Any) -> None:
    for content in (value, changed(normal=value), changed(reduce_concat=value), changed(normal=[value, ["none", 0]])):
        assert complaint(Genotype.from_json, content) <= 1
