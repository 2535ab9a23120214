from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from pydantic import TypeAdapter

from backbones.genotype import SEARCH_OPERATIONS, Genotype
from search.sampling.samplers import Evolution, RandomSampler, Sampler, Tried, best_of, mutated

NAMES = [name for name in SEARCH_OPERATIONS if name != "none"]


def changes(one: Genotype, other: Genotype) -> list[tuple[str, int, bool, bool]]:
    """Cell, place, and whether the operation and the input differ."""
    return [
        (cell, place, before[0] != after[0], before[1] != after[1])
        for cell in ("normal", "reduce")
        for place, (before, after) in enumerate(zip(getattr(one, cell), getattr(other, cell), strict=True))
        if before != after
    ]


def test_random_genotypes_are_uniform() -> None:
    """Of 600: each operation on 1/7 of the edges; each pair of inputs of the last node in 1/10 of the cells."""
    draw = random.Random(0)
    found = [Genotype.drawn(draw, 4, SEARCH_OPERATIONS) for _ in range(600)]
    operations = Counter(name for each in found for name, _ in (*each.normal, *each.reduce))
    assert set(operations) == set(NAMES)
    assert all(count / (600 * 16) == pytest.approx(1 / 7, abs=0.015) for count in operations.values())
    pairs = Counter(tuple(source for _, source in each.normal[6:]) for each in found)
    assert len(pairs) == 10
    assert all(first < second for first, second in pairs)
    assert all(count / 600 == pytest.approx(0.1, abs=0.05) for count in pairs.values())


def test_a_mutation_changes_one_input_or_one_operation() -> None:
    draw = random.Random(1)
    parent = Genotype.drawn(draw, 4, SEARCH_OPERATIONS)
    seen = Counter()
    for _ in range(1000):
        child = mutated(parent, SEARCH_OPERATIONS, draw)
        ((cell, place, operation, source),) = changes(parent, child)
        assert operation != source
        entries = getattr(child, cell)
        assert entries[place][1] != entries[place ^ 1][1]
        seen[cell, "operation" if operation else "input"] += 1
        # Node 2 has no other input than it has.
        assert operation or place >= 2
    assert all(count == pytest.approx(250, abs=60) for count in seen.values())
    assert len(seen) == 4


def test_a_cell_of_one_node_mutates_in_its_operations() -> None:
    draw = random.Random(0)
    parent = Genotype.drawn(draw, 1, SEARCH_OPERATIONS)
    for _ in range(50):
        ((_, _, operation, _),) = changes(parent, mutated(parent, SEARCH_OPERATIONS, draw))
        assert operation


def history(accuracies: Sequence[float]) -> list[Tried]:
    draw = random.Random(7)
    return [Tried(Genotype.drawn(draw, 4, SEARCH_OPERATIONS), accuracy) for accuracy in accuracies]


def test_evolution_takes_a_parent_of_the_youngest() -> None:
    """Real et al., algorithm 1: the best of all is dead, and a whole population is sampled."""
    sampler = Evolution(type="evolution", population=3, sample=3, identity=0.0)
    tried = history([99.0, 10.0, 30.0, 20.0])
    parents = Counter()
    for seed in range(200):
        child = sampler.proposed(tried, 4, SEARCH_OPERATIONS, random.Random(seed))
        (parent,) = (number for number, each in enumerate(tried) if len(changes(each.genotype, child)) == 1)
        parents[parent] += 1
    # With replacement: the best of the three is in the sample with probability 1 − (2/3)³, the second without it 7/27.
    assert set(parents) == {1, 2, 3}
    assert parents[2] / 200 == pytest.approx(19 / 27, abs=0.12)
    assert parents[3] / 200 == pytest.approx(7 / 27, abs=0.12)


def test_evolution_begins_with_a_random_population() -> None:
    sampler = Evolution(type="evolution", population=3, sample=1)
    tried = history([1.0, 2.0])
    expected = Genotype.drawn(random.Random(5), 4, SEARCH_OPERATIONS)
    assert sampler.proposed(tried, 4, SEARCH_OPERATIONS, random.Random(5)) == expected
    assert RandomSampler(type="random").proposed(tried, 4, SEARCH_OPERATIONS, random.Random(5)) == expected


def test_a_child_may_be_its_parent() -> None:
    sampler = Evolution(type="evolution", population=1, sample=1, identity=0.5)
    tried = history([1.0])
    same = [
        sampler.proposed(tried, 4, SEARCH_OPERATIONS, random.Random(seed)) == tried[0].genotype for seed in range(200)
    ]
    assert sum(same) == pytest.approx(100, abs=35)


def test_the_best_is_the_first_of_the_most_accurate() -> None:
    tried = history([1.0, 5.0, 5.0, 2.0])
    assert best_of(tried) is tried[1]


def test_samplers_are_read_by_their_type() -> None:
    assert TypeAdapter(Sampler).validate_python({"type": "random"}) == RandomSampler(type="random")
    with pytest.raises(ValueError, match="sample=3 is larger than population=2"):
        Evolution(type="evolution", population=2, sample=3)
