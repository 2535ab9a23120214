"""A table as LaTeX: booktabs rules, a caption, a label, the best of every group in bold.

It needs `booktabs`, and `graphicx` to make a table that is wider than the page as wide as the page.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.console.visible import visible
from bench.tables.build import Table, TableCell

#: What LaTeX would take for a command, and what its fonts have in math mode only.
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"$\sim$",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "≤": r"$\leq$",
    "Δ": r"$\Delta$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "✓": r"$\surd$",
    "✗": r"$\times$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "–": "--",
    "…": r"\ldots{}",
    "·": r"$\cdot$",
}


def as_latex(table: Table) -> str:
    return "\n".join(_lines(table)) + "\n"


def escaped(text: str) -> str:
    """The text for LaTeX; a character that its usual fonts may lack is written as its code point."""
    return "".join(_ESCAPES.get(letter) or _letter(letter) for letter in " ".join(visible(text).split()))


def _letter(letter: str) -> str:
    # Latin-1's letters are known to any LaTeX that reads UTF-8.
    known = letter.isascii() or "À" <= letter <= "ÿ"
    return letter if known else rf"\texttt{{U+{ord(letter):04X}}}"


def _lines(table: Table) -> Iterator[str]:
    shape = "".join("r" if column.numeric else "l" for column in table.columns)
    yield "% \\usepackage{booktabs,graphicx}"
    yield r"\begin{table*}[t]"
    yield r"\centering\small"
    yield rf"\caption{{{escaped(table.title)}}}"
    yield rf"\label{{{table.label}}}"
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    yield rf"\begin{{tabular}}{{{shape}}}"
    yield r"\toprule"
    yield _row([escaped(column.title) for column in table.columns])
    for group in table.groups:
        yield r"\midrule"
        if group.heading:
            yield rf"\multicolumn{{{len(table.columns)}}}{{l}}{{\textit{{{escaped(group.heading)}}}}} \\"
        for _, cells in group.rows:
            yield _row([_cell(cells[column.key]) for column in table.columns])
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    for note in table.notes:
        yield rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {escaped(note)}}}"
    yield r"\end{table*}"


def _cell(cell: TableCell) -> str:
    text = escaped(cell.text)
    return rf"\textbf{{{text}}}" if cell.best else text


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
