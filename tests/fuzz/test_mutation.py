"""Good inputs with random faults."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import KINDS, made
from tests.fuzz.outcome import FAILURES, outcome_of


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "detector"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_random_fault_is_a_line_or_harmless(kind: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found, said = outcome_of(made(kind, seed), Path(folder))
    assert found not in FAILURES, said
