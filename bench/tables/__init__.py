"""Tables: a pure function of records and, beside them, of the papers' rows.

`rows` makes rows of records and `published` of the papers' tables, `choose` selects and sorts them, `columns` says
which columns a task has, `build` puts a table together, and `render` prints it. `compare` sets two architectures
against each other, `selection` is what a user asks for, and `frame` has all rows as a pandas frame.
"""

from bench.tables.build import LIMIT_MARK, REDUCED_MARK, Table, build_table, lay_out
from bench.tables.render import FORMATS, render, save_table

__all__ = ["FORMATS", "LIMIT_MARK", "REDUCED_MARK", "Table", "build_table", "lay_out", "render", "save_table"]
