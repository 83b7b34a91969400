"""Anomalies and alerts of the embedded store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logforest.sql import statement
from logforest.stores.duckdb_file import run
from logforest.stores.duckdb_writer import insert_from
from logforest.stores.filters import alert_conditions, anomaly_conditions, decode_cursor, from_us
from logforest.values import whole

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.stores.duckdb_file import DuckDBFile

__all__ = ["add_anomalies", "alerts", "anomalies"]


def add_anomalies(file: DuckDBFile, found: pa.Table | None, detected_id: int | None) -> int:
    """Keep new anomalies and how far detection came, in one transaction."""
    with file.transaction() as cursor:
        added = 0
        if found is not None and found.num_rows:
            added = insert_from(cursor, "incoming_anomalies", found, "commit_anomalies")
        if detected_id is not None:
            run(cursor, statement("duckdb", "set_progress"), ["detected_id", detected_id])
    return added


def anomalies(
    file: DuckDBFile, *, limit: int | None = 100, cursor: str | None = None, **filters: Any
) -> pa.Table:
    """Anomalies, newest first."""
    c = anomaly_conditions(**filters)
    if cursor:
        timestamp_us, row_id = decode_cursor(cursor)
        at = from_us(timestamp_us)
        c.add("timestamp <= {} AND (timestamp < {} OR id < {})", at, at, row_id)
    sql = statement("duckdb", "select_anomalies").format(
        where=c.where, limit="" if limit is None else f"LIMIT {whole('limit', limit, 0)}"
    )
    return file.query(sql, c.parameters)


def alerts(file: DuckDBFile, status: str | None) -> pa.Table:
    """Alerts, newest first."""
    c = alert_conditions(status)
    return file.query(statement("duckdb", "select_alerts").format(where=c.where), c.parameters)
