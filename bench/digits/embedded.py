"""The embedded data sets, made when a protocol that uses them is checked or run."""

from __future__ import annotations

from pathlib import Path

from search.configs import data_folder

SEED = 0


def digits_root() -> Path:
    """Return the folder of the embedded digits: `$WILDNAS_DIGITS`, or `work/digits`."""
    return Path(data_folder("WILDNAS_DIGITS"))


def ensure_embedded(name: str | None) -> None:
    """Make the embedded data that a config's key `embedded` names, unless they exist."""
    if name == "digits":
        make_digits()


def make_digits(out: Path | None = None, seed: int = SEED) -> Path:
    """Write the embedded data sets below a folder (None: `digits_root`) unless they exist; return the folder."""
    from bench import digits

    return digits.ensure(out or digits_root(), seed=seed)
