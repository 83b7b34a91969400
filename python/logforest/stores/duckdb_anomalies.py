"""Anomalies and alerts of the embedded store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from logforest.sql import statement
from logforest.stores.duckdb_file import run
from logforest.stores.duckdb_writer import insert_from
from logforest.stores.filters import Conditions, decode_cursor, from_us
from logforest.values import one_of, whole

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.stores.duckdb_file import DuckDBFile
    from logforest.values import When

__all__ = ["add_anomalies", "alerts", "anomalies"]

SEVERITIES = ("low", "medium", "high", "critical")
STATUSES = ("open", "acknowledged", "resolved")


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
    file: DuckDBFile,
    *,
    anomaly_id: int | None = None,
    since: When = None,
    until: When = None,
    service: Sequence[str] = (),
    severity: Sequence[str] = (),
    kind: Sequence[str] = (),
    tenant: str | None = None,
    limit: int | None = 100,
    cursor: str | None = None,
) -> pa.Table:
    """Anomalies, newest first."""
    c = Conditions()
    c.add_in("service", service)
    c.add_in("severity", one_of("severity", severity, SEVERITIES))
    c.add_in("kind", kind)
    if anomaly_id is not None:
        c.add("id = {}", whole("anomaly_id", anomaly_id))
    c.within(tenant, since, until)
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
    c = Conditions()
    if status is not None:
        c.add_in("status", one_of("status", [status], STATUSES))
    return file.query(statement("duckdb", "select_alerts").format(where=c.where), c.parameters)
