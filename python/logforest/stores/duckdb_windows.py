"""Reading and folding the windows table of the embedded store."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from logforest.sql import statement
from logforest.stores.duckdb_file import run
from logforest.stores.duckdb_writer import insert_from
from logforest.stores.filters import Conditions
from logforest.values import names
from logforest.windows import BASE_KEYS, WindowTable

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.stores.base import Block
    from logforest.stores.duckdb_file import DuckDBFile
    from logforest.values import When

__all__ = ["Folding", "time_range", "windows"]

_FOLD_DELTAS = 5_000  # worth a transaction
_FOLD_MOST = 100_000  # in one transaction: bounds its memory


def windows(
    file: DuckDBFile,
    *,
    every: str,
    by: Sequence[str] | str,
    since: When,
    until: When,
    tenant: str | None,
) -> WindowTable:
    """Merged windows of width ``every``; ``by`` of tenant, service, level, category."""
    c = Conditions()
    c.within(tenant, since, until, "window_start")
    wanted = names("by", by)
    keys = [key for key in BASE_KEYS if key in wanted] or ["tenant"]
    sql = statement("duckdb", "select_windows").format(keys=", ".join(keys), where=c.where)
    base = WindowTable.from_arrow(file.query(sql, c.parameters), every="1m", by=keys)
    return base.rollup(every=every, by=wanted)


def time_range(
    file: DuckDBFile, since: When, until: When, tenant: str | None
) -> tuple[datetime, datetime] | None:
    """First and last minute with records."""
    c = Conditions()
    c.within(tenant, since, until, "window_start")
    sql = statement("duckdb", "time_range").format(where=c.where)
    row = file.query(sql, c.parameters).to_pylist()[0]
    first, last = row.values()
    return None if first is None else (first, last)


class Folding:
    """Merges the deltas that commits leave in ``windows``: one row for each minute and keys.

    Deltas are deleted and their sum is inserted in one transaction beside the commits, which only
    add rows; so readers see the same windows at any time, and so does whoever opens the file after
    a crash.

    Parameters
    ----------
    file
        The database.
    """

    def __init__(self, file: DuckDBFile) -> None:
        self._file = file
        self._deltas = _FOLD_DELTAS  # of an earlier process, perhaps
        self.running = threading.Lock()  # held while a transaction is open: no checkpoint then

    def committed(self, blocks: Sequence[Block]) -> None:
        """These are in the table now."""
        self._deltas += sum(b.windows.num_rows for b in blocks if b.windows is not None)

    def fold(self, *, now: bool = False) -> int:
        """Fold when it is worth it, or ``now``; how many rows went away."""
        if not self._deltas or (self._deltas < _FOLD_DELTAS and not now):
            return 0
        with self.running:
            self._deltas = 0
            gone = 0
            while step := self._fold_some():
                gone += step
        return gone

    def _fold_some(self) -> int:
        with self._file.transaction() as cursor:
            found = run(cursor, statement("duckdb", "windows_unfolded"), [_FOLD_MOST])
            if not found:
                return 0
            minutes = [row[0] for row in found]
            deltas: pa.Table = cursor.sql(
                statement("duckdb", "windows_of"), params=[minutes]
            ).to_arrow_table()
            merged = WindowTable.from_arrow(deltas, every="1m", by=BASE_KEYS).partials()
            run(cursor, statement("duckdb", "delete_windows"), [minutes])
            insert_from(cursor, "folded_windows", merged, "insert_folded")
            return int(deltas.num_rows - merged.num_rows)
