"""Reading and folding the windows table of the embedded store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from logforest.sql import statement
from logforest.stores.filters import Conditions
from logforest.windows import BASE_KEYS, WindowTable

if TYPE_CHECKING:
    from logforest.stores.duckdb_file import DuckDBFile

__all__ = ["time_range", "windows"]


def _span(since: datetime | None, until: datetime | None, tenant: str | None) -> Conditions:
    c = Conditions()
    if tenant is not None:
        c.add("tenant = {}", tenant)
    if since is not None:
        c.add("window_start >= {}", since.replace(second=0, microsecond=0))
    if until is not None:
        c.add("window_start < {}", until)
    return c


def windows(
    file: DuckDBFile,
    *,
    every: str,
    by: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
) -> WindowTable:
    """Merged windows of width ``every``; ``by`` of tenant, service, level, category."""
    c = _span(since, until, tenant)
    keys = [key for key in BASE_KEYS if key in by] or ["tenant"]
    sql = statement("duckdb", "select_windows").format(keys=", ".join(keys), where=c.where)
    base = WindowTable.from_arrow(file.query(sql, c.parameters), every="1m", by=keys)
    return base.rollup(every=every, by=by)


def time_range(
    file: DuckDBFile, since: datetime | None, until: datetime | None, tenant: str | None
) -> tuple[datetime, datetime] | None:
    """First and last minute with records."""
    c = _span(since, until, tenant)
    sql = statement("duckdb", "time_range").format(where=c.where)
    row = file.query(sql, c.parameters).to_pylist()[0]
    first, last = row.values()
    return None if first is None else (first, last)
