"""A record's text taken apart says what the whole text does, or is refused."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.sections import Sections, many_objects

KEYS = st.sampled_from(["architecture", "config", "data", "environment", "seed", "metrics"]) | st.text(max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
CONTENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=6)


def text_of(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


@given(CONTENTS)
def test_what_is_written_is_read(content: dict[str, Any]) -> None:
    assert Sections({}).parse(text_of(content)) == content


@given(st.lists(CONTENTS, min_size=2, max_size=4))
def test_what_one_record_says_is_not_read_from_another(contents: list[dict[str, Any]]) -> None:
    sections = Sections({})
    assert [sections.parse(text_of(content)) for content in contents] == contents


@given(CONTENTS, st.data())
def test_a_damaged_text_is_never_read_as_something_else(content: dict[str, Any], data: st.DataObject) -> None:
    text = text_of(content)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 4)))
    damaged = text[:start] + data.draw(st.text('{}[]":,\n 1x', max_size=3)) + text[end:]
    try:
        found = Sections({}).parse(damaged)
    except ValueError:
        return
    assert found == json.loads(damaged)


def test_a_shared_section_is_built_once() -> None:
    built: list[Any] = []
    sections = Sections({"config": lambda value: built.append(value) or len(built)})
    for seed in range(3):
        assert sections.parse(text_of({"config": {"a": 1}, "seed": seed})) == {"config": 1, "seed": seed}
    assert sections.parse(text_of({"config": {"a": 2}}))["config"] == 2
    assert built == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("text", ["", "{}", "{\n}", '{"seed": 1}', '{\n "seed": 1', '{\n "seed": 1,\n "seed": 2\n}'])
def test_another_layout_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"laid out|twice"):
        Sections({}).parse(text)


@pytest.mark.parametrize("enabled", [True, False])
def test_reference_cycles_are_searched_for_again_afterwards(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(ValueError, match="broken False"), many_objects():
            raise ValueError(f"broken {gc.isenabled()}")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_what_is_confirmed_is_confirmed_once() -> None:
    confirmed: list[dict[str, Any]] = []
    sections = Sections({}, confirmed.append)
    for seed in range(2):
        sections.parse(text_of({"config": {"a": 1}, "seed": seed}))
    assert [value for content in confirmed for value in content.items()].count(("config", {"a": 1})) == 1
    assert [content["seed"] for content in confirmed if "seed" in content] == [0, 1]

    def refuse(content: dict[str, Any]) -> None:
        raise ValueError(f"no {sorted(content)}")

    with pytest.raises(ValueError, match="no "):
        Sections({}, refuse).parse(text_of({"config": {"a": 1}}))
