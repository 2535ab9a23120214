from __future__ import annotations

from backbones import zoo
from backbones.genotype import Genotype
from search.derive import Architecture, derive
from search.loop.diagnostics import connection_levels, kept_operations
from search.space import edge_sources

NAMES = ["none", "skip_connect", "sep_conv_3x3", "dil_conv_3x3", "max_pool_3x3"]


def learned(genotype: Genotype) -> Architecture:
    """An architecture that this genotype is derived from."""
    rows = {}
    for cell in ("normal", "reduce"):
        chosen = {(source, place // 2 + 2): name for place, (name, source) in enumerate(getattr(genotype, cell))}
        rows[cell] = [[1.0 if chosen.get(edge) == name else 0.0 for name in NAMES] for edge in edge_sources(4)]
    return Architecture(
        alpha_normal=rows["normal"],
        alpha_reduce=rows["reduce"],
        operations_normal=[NAMES] * 14,
        operations_reduce=[NAMES] * 14,
        nodes=4,
        rule="p-darts",
    )


def test_levels_of_darts_are_almost_all_shallow() -> None:
    """P-DARTS 5.2.1: "the preserved edges of DARTS are almost all shallow (7 over 8 of level 1 and level 2)"."""
    genotype = zoo.get("DARTS_V2").genotype
    architecture = learned(genotype)
    # The zoo lists the two edges of a node in another order.
    assert sorted(derive(architecture).normal) == sorted(genotype.normal)
    levels = connection_levels(architecture)
    assert levels is not None
    assert (sum(levels[:2]), sum(levels), len(levels)) == (7, 8, 5)


def test_levels_where_no_genotype_can_be_derived() -> None:
    one = Architecture(
        alpha_normal=[[0.0]] * 2,
        alpha_reduce=[[0.0]] * 2,
        operations_normal=[["skip_connect"]] * 2,
        operations_reduce=[["skip_connect"]] * 2,
        nodes=1,
        rule="p-darts",
        max_skips=0,
    )
    assert connection_levels(one) is None


def test_kept_operations_by_hand() -> None:
    """The largest of each edge, `none` like any other, by name: an operation's place changes as candidates go."""
    names = [["none", "skip_connect", "sep_conv_3x3"]] * 5
    before = Architecture(
        alpha_normal=[[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [1, 0, 0]],
        alpha_reduce=[[1, 0, 0]] * 5,
        operations_normal=names,
        operations_reduce=names,
        nodes=2,
        rule="p-darts",
    )
    left = [
        ["none", "skip_connect"],
        ["skip_connect", "sep_conv_3x3"],
        ["none", "sep_conv_3x3"],
        *[["skip_connect", "sep_conv_3x3"]] * 2,
    ]
    after = before.model_copy(
        update={
            "alpha_normal": [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]],
            "operations_normal": left,
            "alpha_reduce": [[0.0, 1.0]] * 5,
            "operations_reduce": [["none", "sep_conv_3x3"]] * 5,
        }
    )
    assert kept_operations(before, after, "normal") == 3
    assert kept_operations(before, after, "reduce") == 0
