"""Pinned packages: none was built by a compiler here, and none is below a bound that leaves known holes out."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PINNED = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))

#: Their makers' own wheels, which have been renamed and say inside what they were before.
MISNAMED = ("ray",)


def tags(name: str) -> list[str]:
    """The platforms of the wheel that was installed; a wheel that was built here has the plain name of its platform."""
    wheel = metadata.distribution(name).read_text("WHEEL") or ""
    return re.findall(r"^Tag: (\S+)$", wheel, re.MULTILINE)


@pytest.mark.parametrize("name", PINNED)
def test_no_pinned_package_needs_a_compiler(name: str) -> None:
    """What pip fetches from PyPI is for `any` or for `manylinux`; `linux_x86_64` comes out of a compiler alone."""
    try:
        found = tags(name)
    except metadata.PackageNotFoundError:
        pytest.skip("not installed here")
    built = [] if name in MISNAMED else [tag for tag in found if re.search(r"-linux_\w+$", tag)]
    assert built == []


@pytest.mark.parametrize(("name", "hole"), [("pillow", "12.3.0"), ("jinja2", "3.1.5")])
def test_known_holes_are_left_out(name: str, hole: str) -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found = re.search(rf'"({name}[^"]*)"', text)
    assert found is not None
    requirement = Requirement(found[1])
    assert hole not in requirement.specifier
    pinned = next(version for pin, version in PINNED.items() if pin.lower() == name)
    assert pinned in requirement.specifier
