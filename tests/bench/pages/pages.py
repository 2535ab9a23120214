"""The pages for readers, their fenced blocks, and the commands in these."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
_ROOMS = ("backbones", "search", "bench", "configs", "results", "docs")
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for room in _ROOMS for page in (ROOT / room).rglob("*.md") if "templates" not in page.parts),
    ],
    key=lambda page: page.as_posix(),
)
#: What a line of a block begins with that is a command.
PROGRAMS = ("wildnas", "make", "python", "torchrun", "ray", "pip", "bash", ".venv/bin/", "pre-commit")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        prints: the text of the block that follows it after the single line "prints"; None where there is none.
    """

    page: Path
    line: int
    language: str
    text: str
    prints: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command line of a page, without prompt and comment."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line} {self.text}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    content = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(content))
    followed = dict(zip(found, [*found, None][1:], strict=True))
    return [
        Block(
            page,
            content.count("\n", 0, match.start()) + 1,
            match[1],
            match[2],
            after[2] if after and content[match.end() : after.start()].strip() == "prints" else None,
        )
        for match, after in followed.items()
    ]


def commands(page: Path) -> list[Command]:
    """Its commands: in a block with prompts the lines behind `$ `, else the lines that begin with a program."""
    return [
        Command(page, block.line + place, _bare(line))
        for block in blocks(page)
        if block.language in ("", "bash", "console", "sh")
        for place, line in enumerate(block.text.splitlines(), 1)
        if (line.startswith("$ ") if "$ " in _starts(block.text) else line.startswith(PROGRAMS))
        # A mistake's line in a block with prompts, and a table's name, are output.
        and not line.startswith("wildnas: ")
    ]


def _starts(text: str) -> set[str]:
    return {line[:2] for line in text.splitlines()}


def _bare(line: str) -> str:
    return re.sub(r"\s{2,}#.*$", "", line.removeprefix("$ ")).strip()
