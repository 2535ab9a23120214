"""The embedded data sets, made when a protocol that uses them is checked or run."""

from __future__ import annotations

from pathlib import Path

from search.configs import Embedded, data_folder

SEED = 0


def digits_root(name: Embedded = "digits") -> Path:
    """Return the folder of embedded digits: `$WILDNAS_DIGITS` or `work/digits`, `$WILDNAS_DIGITS_STUDY` or …."""
    return Path(data_folder(f"WILDNAS_{name.upper()}"))


def ensure_embedded(name: Embedded | None) -> None:
    """Make the embedded data that a config's key `embedded` names, unless they exist."""
    if name is not None:
        make_digits(name=name)


def make_digits(out: Path | None = None, seed: int = SEED, name: Embedded = "digits") -> Path:
    """Write the embedded data sets below a folder (None: `digits_root`) unless they exist; return the folder."""
    from bench import digits

    return digits.ensure(out or digits_root(name), seed=seed, recipe=name)
