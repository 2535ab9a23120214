"""One row of a paper's table: its names, and its numbers as they are printed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from backbones import zoo
from backbones.zoo import own as own_zoo
from bench.tables.numbers import PRINTED, Number, printed
from search.configs import Schema

#: Suffixes of numbers that are shown with another one: deviation, and both ends of a range.
PARTS = ("_std", "_min", "_max")

_PERCENTAGE = re.compile(r"top[15]_error|test_error(_spread)?|accuracy_gain|ap(50|75|s|m|l)?|rank1|map")
_QUANTITY = re.compile(
    r"params_m|macs_[mb]|search_cost|input_size|parts|feature_dim|(kept|shallow)_edges|hours|speed_up|training_days|"
    r"memory(_stage\d)?_gb"
)
_COUNT = re.compile(r"skip_count")

#: Columns that wildnas fills in.
_RESERVED = {"source", "seeds", "published", "reduced", "compared"}


def _flag(text: Any) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return bool(text == "yes")


class PublishedRow(Schema):
    """A row; the columns that are no attribute are numbers (`is_number`), or kept as they are.

    Attributes:
        table: where it stands: `Table 3`, `Section 5.2.2`, `Table 1, footnote †`.
        group: the part of the table, in the paper's words.
        protocol: the protocol here that the row stands beside, or empty where there is none.
        architecture: as the paper prints it, the citation apart (`cited`).
        zoo: the zoo's entry of the same cells, or empty.
        timm: timm's model of the same network, or empty: `timm:NAME` is what `wildnas evaluate` takes.
        identity: one name for one network, however the tables print it; empty for searches.
        comparable: whether that entry under that protocol is the very network that the numbers are of.
        setting: what sets a search apart, in the paper's words.
        evaluation: the protocol by which a found architecture's `test_error` was measured.
        footnote: the paper's; `note`: what the transcription adds.
    """

    model_config = ConfigDict(extra="allow")

    task: Literal["classification", "detection", "reid", "search"]
    paper: Annotated[str, Field(min_length=1)]
    table: str = ""
    group: str = ""
    protocol: str = ""
    architecture: Annotated[str, Field(min_length=1)]
    cited: str = ""
    zoo: str = ""
    timm: str = ""
    identity: str = ""
    comparable: Annotated[bool, BeforeValidator(_flag)] = False
    network: str = ""
    setting: str = ""
    evaluation: str = ""
    devices: str = ""
    method: str = ""
    footnote: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _names_are_known(self) -> PublishedRow:
        for key in _RESERVED & (self.model_extra or {}).keys():
            raise ValueError(f"column {key!r} is filled in by wildnas; give it another name")
        if self.protocol and not self.protocol.startswith(f"{self.task}/"):
            raise ValueError(f"protocol {self.protocol!r} is not one of task {self.task!r}")
        if self.zoo and self.zoo not in zoo.names() and self.zoo not in own_zoo.files():
            raise ValueError(f"zoo has no {self.zoo!r}")
        if self.zoo and self.timm:
            raise ValueError("a network is an entry of the zoo or a model of timm: one of both is empty")
        if self.comparable and not (self.zoo and self.protocol):
            raise ValueError("comparable needs an entry of the zoo and a protocol")
        return self

    @model_validator(mode="after")
    def _numbers_are_printed(self) -> PublishedRow:
        for key, text in (self.model_extra or {}).items():
            if text and is_number(key):
                try:
                    _confirm(key, printed(text))
                except ValueError as error:
                    raise ValueError(f"key {key!r}: {error}") from error
        return self

    @property
    def source(self) -> str:
        return f"{self.paper} {self.table}".rstrip()

    @property
    def words(self) -> dict[str, str]:
        """The attributes that this row has something in."""
        said = {key: getattr(self, key) for key in type(self).model_fields}
        return {key: value for key, value in said.items() if isinstance(value, str) and value}

    @property
    def others(self) -> dict[str, str | Number]:
        """The other columns that this row has something in: a number where it is printed as one."""
        cells = {key: value for key, value in (self.model_extra or {}).items() if value}
        return {key: printed(value) if PRINTED.fullmatch(value) else value for key, value in cells.items()}


def is_number(key: str) -> bool:
    """Whether a column of that name has to hold numbers, or is a part of one that has (`PARTS`)."""
    return any(kind.fullmatch(base_of(key)) for kind in (_PERCENTAGE, _QUANTITY, _COUNT))


def base_of(key: str) -> str:
    """The column that a part belongs to, or the column itself."""
    return key[:-4] if key.endswith(PARTS) else key


def _confirm(key: str, number: Number) -> None:
    assert number.value is not None
    if _PERCENTAGE.fullmatch(base_of(key)) and not 0 < number.value < 100:
        raise ValueError(f"{number.text} is no percentage")
    if _QUANTITY.fullmatch(base_of(key)) and number.value <= 0:
        raise ValueError(f"{number.text} is not more than 0")
