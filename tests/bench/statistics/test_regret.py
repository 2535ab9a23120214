from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics.regret import regret

# Small whole numbers tie often.
CASES = st.integers(1, 6).flatmap(
    lambda count: st.tuples(
        *(st.lists(st.integers(0, 3), min_size=count, max_size=count) for _ in range(2)), st.integers(1, count)
    )
)


@given(CASES)
def test_it_is_the_mean_over_all_orders_that_the_proxy_allows(case: tuple[list[int], list[int], int]) -> None:
    proxy, downstream, first = case
    found = []
    for order in itertools.permutations(range(len(proxy))):
        if all(proxy[a] >= proxy[b] for a, b in itertools.pairwise(order)):
            found.append(max(downstream) - max(downstream[place] for place in order[:first]))
    assert regret(proxy, downstream, first) == pytest.approx(sum(found) / len(found))


@given(CASES)
def test_more_tries_never_cost(case: tuple[list[int], list[int], int]) -> None:
    proxy, downstream, _ = case
    regrets = [regret(proxy, downstream, first) for first in range(1, len(proxy) + 1)]
    assert regrets == sorted(regrets, reverse=True) or regrets == pytest.approx(sorted(regrets, reverse=True))
    assert regrets[-1] == pytest.approx(0)


def test_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="first=3"):
        regret([1.0, 2.0], [1.0, 2.0], 3)
