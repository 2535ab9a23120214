from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones import zoo
from backbones.drawing.cell import draw, svg
from backbones.drawing.layers import orders
from backbones.drawing.placement import FONT_SIZE, Box, Layout, Line, layout
from backbones.errors import InputError
from backbones.genotype import OPERATIONS, Edge, Genotype

TEXT = "{http://www.w3.org/2000/svg}text"
PATH = "{http://www.w3.org/2000/svg}path"


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(TEXT)]


def arrows(picture: str) -> Counter[str]:
    """How many arrows' heads touch the left side of every node, told by the SVG's coordinates alone."""
    root = ElementTree.fromstring(picture)
    names = {}
    for element in root.iter(TEXT):
        if element.text and element.text not in OPERATIONS:
            names[float(element.attrib["x"]), float(element.attrib["y"]) - 0.3 * FONT_SIZE] = element.text
    found: Counter[str] = Counter()
    for element in root.iter(PATH):
        points = re.findall(r"[ML] (\S+) (\S+)", element.attrib["d"])
        if len(points) == 3 and element.attrib["d"].split()[-1] == "z":
            tip = max((float(x), float(y)) for x, y in points)
            nearest = min((node for node in names if node[0] > tip[0]), key=lambda node: math.dist(node, tip))
            found[names[nearest]] += 1
    return found


def overlap(one: Box, other: Box) -> bool:
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2 and abs(one.y - other.y) < (one.height + other.height) / 2
    )


def along(line: Line) -> Iterator[tuple[float, float]]:
    """Points on the line: between two knots, the cubic that is level at both."""
    for (left, upper), (right, lower) in pairwise(line.knots):
        middle = (left + right) / 2
        for step in range(21):
            t = step / 20
            x = left * (1 - t) ** 3 + 3 * middle * t * (1 - t) + right * t**3
            yield x, upper + (lower - upper) * (3 * t**2 - 2 * t**3)


def check(cell: Layout, edges: tuple[Edge, ...], concat: tuple[int, ...]) -> None:
    """Every edge is there, between its nodes, and nothing covers anything else."""
    output = len(cell.nodes) - 1
    wanted: list[tuple[str | None, int, int]] = [
        (name, source, place // 2 + 2) for place, (name, source) in enumerate(edges)
    ]
    wanted += [(None, node, output) for node in concat]
    assert Counter((line.operation, line.source, line.target) for line in cell.lines) == Counter(wanted)
    labels = [line.label for line in cell.lines if line.label]
    boxes = [*cell.nodes, *labels]
    assert not [(one, other) for one, other in combinations(boxes, 2) if overlap(one, other)]
    for box in boxes:
        assert box.width / 2 < box.x < cell.width - box.width / 2
        assert box.height / 2 < box.y < cell.height - box.height / 2
    for line in cell.lines:
        (start_x, start_y), (end_x, end_y) = line.knots[0], line.knots[-1]
        source, target = cell.nodes[line.source], cell.nodes[line.target]
        assert start_x == pytest.approx(source.x + source.width / 2)
        assert end_x == pytest.approx(target.x - target.width / 2)
        assert abs(start_y - source.y) < source.height / 2
        assert abs(end_y - target.y) < target.height / 2
        for x, y in along(line):
            assert 0 < y < cell.height
            for box in boxes:
                inside = abs(x - box.x) < box.width / 2 - 1e-9 and abs(y - box.y) < box.height / 2
                assert not inside or box is line.label, (line, box)


@st.composite
def cells(draw: st.DrawFn) -> tuple[tuple[Edge, ...], tuple[int, ...]]:
    """Any cell, also with nodes that nothing reads, an input that nothing reads, or both edges from one node."""
    nodes = draw(st.integers(1, 7))
    edges = tuple(
        (draw(st.sampled_from(OPERATIONS)), draw(st.integers(0, place // 2 + 1))) for place in range(2 * nodes)
    )
    return edges, tuple(draw(st.lists(st.integers(2, nodes + 1), min_size=1, unique=True)))


@settings(max_examples=20, deadline=None)
@given(cells())
def test_nothing_covers_anything_in_any_cell(cell: tuple[tuple[Edge, ...], tuple[int, ...]]) -> None:
    check(layout(*cell), *cell)


@pytest.mark.parametrize("name", ["PC_DARTS_image", "NASNet", "AmoebaNet"])
def test_nothing_covers_anything_in_published_cells(name: str) -> None:
    genotype = zoo.get(name).genotype
    check(layout(genotype.normal, genotype.normal_concat), genotype.normal, genotype.normal_concat)
    check(layout(genotype.reduce, genotype.reduce_concat), genotype.reduce, genotype.reduce_concat)


def test_the_largest_cell_that_a_genotype_may_have() -> None:
    edges = tuple(("sep_conv_3x3", node) for node in range(32) for node in (node, node + 1))
    check(layout(edges, (33,)), edges, (33,))


def test_the_edges_of_pc_darts_on_imagenet() -> None:
    genotype = zoo.get("PC_DARTS_image").genotype
    cell = layout(genotype.normal, genotype.normal_concat)
    names = [node.text for node in cell.nodes]
    assert names == ["c_{k-2}", "c_{k-1}", "0", "1", "2", "3", "c_{k}"]
    assert sorted((names[line.source], line.operation, names[line.target]) for line in cell.lines if line.label) == [
        ("1", "sep_conv_3x3", "2"),
        ("2", "dil_conv_5x5", "3"),
        ("c_{k-1}", "sep_conv_3x3", "2"),
        ("c_{k-1}", "sep_conv_3x3", "3"),
        ("c_{k-1}", "skip_connect", "0"),
        ("c_{k-1}", "skip_connect", "1"),
        ("c_{k-2}", "sep_conv_3x3", "0"),
        ("c_{k-2}", "sep_conv_3x3", "1"),
    ]
    older, newer, *nodes, output = cell.nodes
    assert older.y < newer.y
    assert older.x == newer.x < nodes[0].x == nodes[1].x < nodes[2].x < nodes[3].x < output.x


def test_two_edges_between_the_same_nodes_are_two_lines() -> None:
    genotype = zoo.get("NASNet").genotype
    cell = layout(genotype.normal, genotype.normal_concat)
    # Both inputs of intermediate node 3 are average pools of c_{k-2}.
    one, other = (line for line in cell.lines if line.target == 5)
    assert one.source == other.source == 0
    assert all(abs(upper[1] - lower[1]) > 0.09 for upper, lower in zip(one.knots, other.knots, strict=True))


def test_the_fewest_crossings() -> None:
    # Two pairs that cross as numbered, and need not; then K(3, 3) through its edges' labels, whose bipartite
    # crossing number is 9 at both sides together.
    assert orders([[0, 1], [2, 3]], [(0, 3), (1, 2)])[0] in ([[0, 1], [3, 2]], [[1, 0], [2, 3]])
    ends = [(left, right) for left in range(3) for right in range(3, 6)]
    labels = range(6, 15)
    links = [
        link for label, (left, right) in zip(labels, ends, strict=True) for link in ((left, label), (label, right))
    ]
    order = orders([[0, 1, 2], list(labels), [3, 4, 5]], links)[0]
    place = {item: row for column in order for row, item in enumerate(column)}
    crossed = [
        (one, other)
        for one, other in combinations(links, 2)
        if (one[0] < 3) == (other[0] < 3) and (place[one[0]] - place[other[0]]) * (place[one[1]] - place[other[1]]) < 0
    ]
    assert len(crossed) == 9


def test_the_svg_holds_every_label_and_name_as_text() -> None:
    genotype = zoo.get("NASNet").genotype
    found = Counter(texts(svg(genotype)))
    assert found.pop("normal cell") == found.pop("reduction cell") == 1
    names = Counter(dict.fromkeys(["c_{k-2}", "c_{k-1}", "0", "1", "2", "3", "4", "c_{k}"], 2))
    assert found == Counter(name for name, _ in genotype.normal + genotype.reduce) + names


def test_two_arrows_lead_into_every_node_and_the_output_takes_the_concatenated_ones() -> None:
    genotype = zoo.get("NASNet").genotype
    inner = {str(node): 2 for node in range(5)}
    assert arrows(svg(genotype, "normal")) == {**inner, "c_{k}": 5}
    assert arrows(svg(genotype, "reduce")) == {**inner, "c_{k}": 3}


#: Every operation, in pairs: a node takes two.
EVERY = (*OPERATIONS, *OPERATIONS[: len(OPERATIONS) % 2])


def test_every_operation_is_drawn() -> None:
    edges = tuple((name, number % 2) for number, name in enumerate(EVERY))
    genotype = Genotype(normal=edges, normal_concat=(2,), reduce=(("none", 1), ("none", 1)), reduce_concat=(2,))
    assert set(OPERATIONS) < set(texts(svg(genotype, "normal")))
    assert sorted(texts(svg(genotype, "reduce"))) == ["0", "c_{k-1}", "c_{k-2}", "c_{k}", "none", "none"]


def test_the_labels_have_room_to_spare() -> None:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans")
    cell = layout(tuple((name, 0) for name in EVERY), (2,))
    for box in [*cell.nodes, *(line.label for line in cell.lines if line.label)]:
        drawn = TextPath((0, 0), box.text, size=FONT_SIZE, prop=font).get_extents()
        assert drawn.width / 72 * 1.1 < box.width
        assert drawn.height / 72 < box.height


def test_pictures_share_a_page() -> None:
    picture = svg(zoo.get("PDARTS").genotype)
    assert picture.startswith("<svg ")
    root = ElementTree.fromstring(picture)
    assert {element.tag.split("}")[1] for element in root.iter()} == {"svg", "g", "path", "text"}
    assert not [name for element in root.iter() for name in element.attrib if name in ("id", "class")]
    assert not re.findall(r"url\(|href=", picture)


def test_an_svg_is_the_same_in_every_process_and_under_any_settings() -> None:
    import matplotlib

    code = (
        "import json, sys, backbones.drawing\nlight = sorted(sys.modules)\n"
        "picture = backbones.drawing.svg(backbones.Genotype.random(1), 'normal')\n"
        "print(json.dumps([light, sorted(sys.modules), picture]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    light, modules, picture = json.loads(done.stdout)
    assert not {"matplotlib", "numpy", "torch"} & set(light)
    assert "matplotlib.pyplot" not in modules
    mine = {"font.size": 30, "svg.fonttype": "path", "savefig.bbox": "tight", "patch.linewidth": 9}
    with matplotlib.rc_context(mine):  # type: ignore[arg-type]
        assert svg(Genotype.random(1), "normal") == picture
        assert matplotlib.rcParams["font.size"] == 30


def test_a_file_of_either_kind(tmp_path: Path) -> None:
    from PIL import Image

    genotype = zoo.get("PDARTS").genotype
    file = tmp_path / "new" / "cells.svg"
    assert draw(genotype, file) == file
    assert file.read_text(encoding="utf-8") == svg(genotype)
    both = draw(genotype, tmp_path / "new" / "both.PNG")
    one = draw(genotype, tmp_path / "new" / "one.png", "reduce")
    assert draw(genotype, tmp_path / "new" / "again.png", "reduce").read_bytes() == one.read_bytes()
    sizes = [Image.open(path).size for path in (both, one)]
    assert all(600 < width < 3000 and 200 < height < 1500 for width, height in sizes)
    assert sizes[0][1] > 1.5 * sizes[1][1]
    assert sorted(path.name for path in file.parent.iterdir()) == ["again.png", "both.PNG", "cells.svg", "one.png"]


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    genotype = Genotype.random(0)
    with pytest.raises(InputError, match=r"cell\.pdf: .*\.svg or \.png"):
        draw(genotype, tmp_path / "cell.pdf")
    with pytest.raises(InputError, match=r"'both': .*'normal' or 'reduce'"):
        draw(genotype, tmp_path / "cell.svg", "both")
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file").touch()
    for target, said in (
        (tmp_path / "folder.svg", "is a folder; expected a regular file, or a new one"),
        (tmp_path / "file" / "cell.png", "cannot be written: [^\n]+"),
    ):
        with pytest.raises(InputError, match=f"^{re.escape(str(target))}: {said}$"):
            draw(genotype, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.svg"]
