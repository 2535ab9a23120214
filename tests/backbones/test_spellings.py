"""Genotypes as programs of the DARTS family write them, and the choice of one of several in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones import zoo
from backbones.errors import InputError
from backbones.genotype import Genotype

CELL = [("sep_conv_3x3", 0), ("skip_connect", 1), ("dil_conv_3x3", 2), ("sep_conv_5x5", 0)]
MEANT = Genotype(tuple(CELL), (2, 3), tuple(CELL), (2, 3))
ONE, OTHER = zoo.get("PDARTS").genotype, zoo.get("DARTS_V2").genotype


def printed(cell: object, more: str = "") -> str:
    return f"Genotype(normal={cell}, normal_concat=range(2, 4), reduce={cell}, reduce_concat=[2, 3]{more})"


NESTED = [tuple(CELL[:2]), tuple(CELL[2:])]
WEIGHTED = [(*edge, 0.125) for edge in CELL]
TARGETED = [(*edge, place // 2 + 2) for place, edge in enumerate(CELL)]
NUMPY = f"[{', '.join(f'({name!r}, np.int64({source}))' for name, source in CELL)}]"
AS_DICT = {"normal": NESTED, "normal_concat": [2, 3], "reduce": WEIGHTED, "reduce_concat": [2, 3]}


@pytest.mark.parametrize(
    "text",
    [
        printed(NESTED),
        printed(WEIGHTED),
        printed(TARGETED),
        printed([(name, source, 1.0) for name, source in CELL]),
        printed(CELL, ", connectN=None, connects=None"),
        printed(CELL, ", extra=[], note=''"),
        printed(NUMPY),
        printed(NUMPY.replace("np.int64", "numpy.int32")),
        printed(NUMPY.replace("np.int64", "tensor").replace("))", ", device='cuda:0'))")),
        printed(CELL).replace("range(2, 4)", "range(np.int64(2), np.int64(4))"),
        printed(CELL).replace("[2, 3]", "array([2, 3])"),
        str(AS_DICT),
        f"2025-01-02 03:04:05 genotype = {AS_DICT} (best)",
        json.dumps(AS_DICT),
        json.dumps({"genotype": AS_DICT}),
        f"epoch 3 {json.dumps(AS_DICT)}",
        printed(CELL).replace("normal=", "\n    # the cell (normal\n    normal="),
        f"class Genotype(NamedTuple):\n    pass\nBROKEN = Genotype(normal=[\n\n{printed(CELL)}",
        f"OTHER = Genotype(normal=[('conv_3x1_1x3', 0)], normal_concat=[2])\nTHIS = {printed(CELL)}",
        f"# {ONE}\n{printed(CELL)}",
        f"# {printed(CELL)}",
    ],
)
def test_a_spelling_is_read(text: str) -> None:
    assert Genotype.parse(text) == MEANT


@given(st.lists(st.sampled_from(["nested", "weighted", "targeted", "plain"]), min_size=2, max_size=2))
@settings(deadline=None, max_examples=16)
def test_spellings_mix(kinds: list[str]) -> None:
    cells = {"nested": NESTED, "weighted": WEIGHTED, "targeted": TARGETED, "plain": CELL}
    normal, reduce = (cells[kind] for kind in kinds)
    text = f"Genotype(normal={normal}, normal_concat=range(2, 4), reduce={reduce}, reduce_concat=range(2, 4))"
    assert Genotype.parse(text) == MEANT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (printed([(*edge, 7) for edge in CELL]), r"normal\[0\]: leads to node 7; expected node 2"),
        (printed([tuple(CELL[:2]), tuple(CELL[2:3])]), "node 3 has 1 edges; every intermediate node takes two"),
        (printed(CELL, ", connectN=3"), "unknown key 'connectN'"),
        ("Genotype(recurrent=[('relu', 0)], concat=range(1, 9))", "is a recurrent cell"),
        (printed("open('touched')"), "expected a literal list, not code"),
        (printed("np.array(open('touched'))"), "expected a literal list, not code"),
        (printed("os.system('touch touched')"), "expected a literal list, not code"),
        (printed([("sep_conv_3x3", 0, None), *CELL[1:]]), r"normal\[0\]: expected an \(operation, node\) pair"),
    ],
)
def test_what_is_another_graph_or_code_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        Genotype.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes(f"Start\r\ngenotype = {ONE}\r\n".encode(encoding))
    assert Genotype.read(file) == ONE


def test_bytes_of_another_encoding_beside_it_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes(b"m\xe4rz \xff\n" + f"genotype = {ONE}".encode())
    assert Genotype.read(file) == ONE


GENOTYPES = f"""
Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')
A = {ONE}
B = {OTHER}  # the second
C = Genotype(normal=[('strange', 0)], normal_concat=[2], reduce=[], reduce_concat=[2])
x = 1  # D = {MEANT}
# E = {MEANT}
LAST = B
BEST = LAST
"""


def test_a_name_chooses_in_a_genotypes_py(tmp_path: Path) -> None:
    file = tmp_path / "genotypes.py"
    file.write_text(GENOTYPES, encoding="utf-8")
    assert Genotype.read(file, "A") == ONE
    assert Genotype.read(file, "B") == Genotype.read(file, "BEST") == OTHER
    with pytest.raises(InputError, match=r"holds 2 different genotypes; .*FILE:NAME with one of A, B$"):
        Genotype.read(file)
    with pytest.raises(InputError, match=r"holds no genotype 'D'; FILE:NAME with one of A, B$"):
        Genotype.read(file, "D")
    with pytest.raises(InputError, match=r"unknown operation .strange.|edges"):
        Genotype.read(file, "C")


def log(genotypes: list[Genotype], line: str) -> str:
    return "".join(f"{line.format(epoch)}\ngenotype = {one}\n" for epoch, one in enumerate(genotypes))


@pytest.mark.parametrize(
    "line",
    [
        "06/01 epoch {0} lr 2.5e-2",
        "Epoch: {0} lr: 0.1",
        "Epoch: [{0}/50] time",
        "epoch={0:03d}-050",
        "Epoch(train) [{0}][9/9]",
    ],
)
def test_an_epoch_chooses_in_a_log(line: str, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    drawn = [Genotype.random(seed) for seed in range(13)]
    file.write_text(log(drawn, line), encoding="utf-8")
    assert Genotype.read(file, "12") == Genotype.read(file, "last") == drawn[12]
    assert Genotype.read(file, "3") == drawn[3]
    with pytest.raises(
        InputError, match=r"13 different genotypes; .*FILE@last, or FILE@EPOCH with one of 0, 1, .* 12 \(13\)"
    ):
        Genotype.read(file)
    with pytest.raises(InputError, match="holds no genotype '13'"):
        Genotype.read(file, "13")


def test_an_epoch_that_comes_again_with_another_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text(log([ONE], "epoch {0}") + log([OTHER], "epoch {0}"), encoding="utf-8")
    with pytest.raises(InputError, match="holds 2 different genotypes of '0'"):
        Genotype.read(file, "0")


def test_without_epochs_they_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "some.txt"
    file.write_text(f"{ONE}\n{OTHER}\n", encoding="utf-8")
    assert (Genotype.read(file, "1"), Genotype.read(file, "2")) == (ONE, OTHER)
    with pytest.raises(InputError, match="holds no genotype '0'"):
        Genotype.read(file, "0")


def test_the_last_one_that_is_cut_off_is_said(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text(f"{ONE}\n{str(OTHER)[:60]}", encoding="utf-8")
    assert Genotype.read(file) == ONE
    with pytest.raises(InputError, match="cut off"):
        Genotype.read(file, "last")


def test_a_text_full_of_beginnings_ends_soon() -> None:
    with pytest.raises(InputError, match="more than 100 genotypes that cannot be read"):
        Genotype.parse("Genotype( " * 100_000)
