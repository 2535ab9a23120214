"""Tables: a pure function of records and of the papers' rows beside them.

`rows` makes one row of an experiment's runs, `published` reads the papers' tables, and `frame` merges both. `columns`
lists the columns of each task, `table` lays a table out, and `write` formats it. `compare` compares two architectures,
and `selection` is what a user asks for.
"""

from bench.tables.table import LIMIT_MARK, REDUCED_MARK, Table, build_table, lay_out
from bench.tables.write import FORMATS, render, save_table

__all__ = ["FORMATS", "LIMIT_MARK", "REDUCED_MARK", "Table", "build_table", "lay_out", "render", "save_table"]
