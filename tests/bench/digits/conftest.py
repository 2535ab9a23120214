from __future__ import annotations

from pathlib import Path

import pytest

from bench.digits.recipe import ensure

SEED = 0


@pytest.fixture(scope="session")
def digits_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three data sets, made once; tests only read them."""
    return ensure(tmp_path_factory.mktemp("digits") / "digits", SEED)
