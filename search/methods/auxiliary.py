"""An auxiliary skip connection beside the candidates of every edge."""

from __future__ import annotations

from search.configs import Schema
from search.methods.schedule import Schedule
from search.space import Candidates, CellRows

#: The name of the operation in a cell's rows; it has weights of its own where the stride is 2.
AUXILIARY = "auxiliary_skip"


class AuxiliarySkip(Schema):
    """Add β x to every mixed edge, with a weight β that falls to 0 (DARTS−, Chu et al., ICLR 2021, eq. 3).

    Behind an edge of stride 2 it is a factorised reduction with weights of its own, as in the authors' code.
    """

    weight: Schedule = Schedule(start=1.0, end=0.0, reached=False)


def with_auxiliary(space: CellRows) -> tuple[CellRows, dict[str, list[int]]]:
    """Give every edge an auxiliary skip connection.

    An edge of stride 1 that has a skip connection among its candidates needs no other operation: β is added to that
    candidate's weight.

    Returns:
        the cells' rows, with a column more if an edge needs it; and for each cell the column of β in each row.
    """
    places: dict[str, list[int]] = {}
    rows: dict[str, Candidates] = {}
    for cell in ("normal", "reduce"):
        candidates: Candidates = getattr(space, cell)
        width = len(candidates[0])
        places[cell], added = [], []
        for names, (source, _) in zip(candidates, space.edges, strict=True):
            half = cell == "reduce" and source < 2
            serves = "skip_connect" in names and not half
            places[cell].append(names.index("skip_connect") if serves else width)
            # A row's last column is unused where the candidate serves.
            added.append("none" if serves else AUXILIARY if half else "skip_connect")
        rows[cell] = candidates
        if width in places[cell]:
            rows[cell] = tuple((*names, name) for names, name in zip(candidates, added, strict=True))
    return CellRows(space.nodes, rows["normal"], rows["reduce"]), places
