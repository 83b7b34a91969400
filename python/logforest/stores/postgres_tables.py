"""The tables beside ``logs`` of the Postgres store: windows, anomalies, progress."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from logforest.sql import statement
from logforest.stores.filters import Conditions, decode_cursor

if TYPE_CHECKING:
    from logforest._core import PgSession

__all__ = ["PostgresTables"]

_BASE_KEYS = ("tenant", "service", "level", "category")
_FOLD_AFTER = timedelta(minutes=10)  # later deltas of a window are rare by then
_FOLD_ROWS = 200_000


class PostgresTables:
    """Mixed into :class:`logforest.stores.postgres.PostgresStore`."""

    _session: Any
    _transaction: Any
    _table: Any

    # --- windows -------------------------------------------------------------------------

    def windows(
        self,
        *,
        every: str = "1m",
        by: Sequence[str] = ("service", "level"),
        since: datetime | None = None,
        until: datetime | None = None,
        tenant: str | None = None,
    ) -> pa.Table:
        """Aggregates as of ``lf.aggregate``, answered from the windows table, never from logs."""
        from logforest.windows import WindowTable

        c = Conditions()
        if since is not None:
            c.add("window_start >= {}", since)
        if until is not None:
            c.add("window_start < {}", until)
        if tenant is not None:
            c.add("tenant = {}", tenant)
        sql = statement("postgres", "select_windows").format(where=c.where)
        base = WindowTable.from_arrow(self._table(sql, c.parameters), by=_BASE_KEYS)
        return base.rollup(every=every, by=by).to_arrow()

    def fold_windows(self) -> int:
        """Join the deltas of windows that are closed; returns how many rows that saved."""
        from logforest.windows import WindowTable

        before = datetime.now(UTC) - _FOLD_AFTER
        with self._transaction() as session:
            # One folder at a time; whoever comes second has nothing to do.
            if not _value(session, "SELECT pg_try_advisory_xact_lock(7310, 2) AS v"):
                return 0
            taken = pa.table(
                session.query(statement("postgres", "take_windows"), [before, _FOLD_ROWS])
            )
            if taken.num_rows == 0:
                return 0
            folded = WindowTable.from_arrow(taken, by=_BASE_KEYS).partials()
            session.copy_arrow("windows", folded)
            return taken.num_rows - int(folded.num_rows)

    # --- anomalies -----------------------------------------------------------------------

    def add_anomalies(self, anomalies: pa.Table | None, *, detected_id: int | None = None) -> int:
        """Keyed by (log_id, model_version, kind): repeats are harmless. Returns how many were new.

        ``detected_id`` is kept in the same transaction: every record up to it has been scored.
        """
        added = 0
        with self._transaction() as session:
            if anomalies is not None and anomalies.num_rows:
                session.execute(statement("postgres", "incoming_anomalies"))
                session.copy_arrow("incoming_anomalies", _anomaly_columns(anomalies))
                added = _value(session, statement("postgres", "add_anomalies"))
            if detected_id is not None:
                session.query(
                    "UPDATE progress SET value = greatest(value, $1::bigint) "
                    "WHERE name = 'detected_id'",
                    [detected_id],
                )
        return added

    def detected_id(self) -> int:
        """The last record that detection has dealt with; 0 when none."""
        return self.progress("detected_id")

    def progress(self, name: str) -> int:
        """A small fact; 0 when unknown."""
        table = self._table("SELECT value FROM progress WHERE name = $1", [name])
        return int(table["value"][0].as_py()) if table.num_rows else 0

    def anomalies(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        service: Sequence[str] = (),
        severity: Sequence[str] = (),
        tenant: str | None = None,
        limit: int | None = 100,
        cursor: str | None = None,
    ) -> pa.Table:
        """Anomalies, newest first."""
        c = Conditions()
        c.add_in("service", service)
        c.add_in("severity", severity)
        if tenant is not None:
            c.add("tenant = {}", tenant)
        if since is not None:
            c.add("timestamp >= {}", since)
        if until is not None:
            c.add("timestamp < {}", until)
        if cursor:
            timestamp_us, row_id = decode_cursor(cursor)
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=timestamp_us)
            c.add("(timestamp, id) < ({}, {})", at, row_id)
        tail = "" if limit is None else f"LIMIT {int(limit)}"
        sql = statement("postgres", "select_anomalies").format(where=c.where, limit=tail)
        out: pa.Table = self._table(sql, c.parameters)
        return out

    # --- losses --------------------------------------------------------------------------

    def add_lost(self, group: str, entry_ids: Sequence[str]) -> int:
        """Keep the ids of entries that the queue lost before they were processed."""
        with self._session() as session, contextlib.suppress(IndexError):
            return _value(session, statement("postgres", "add_lost"), [group, list(entry_ids)])
        return 0


def _value(session: PgSession, sql: str, parameters: Sequence[object] = ()) -> int:
    table = pa.table(session.query(sql, parameters))
    return int(table.column(0)[0].as_py())


_ANOMALY_TYPES = {
    "log_id": pa.int64(), "kind": pa.string(), "timestamp": pa.timestamp("us", tz="UTC"),
    "tenant": pa.string(), "service": pa.string(), "level": pa.string(), "message": pa.string(),
    "anomaly_score": pa.float64(), "severity": pa.string(), "confidence": pa.float64(),
    "model_version": pa.string(), "reasons": pa.string(), "features_used": pa.string(),
    "detected_at": pa.timestamp("us", tz="UTC"),
}  # fmt: skip


def _anomaly_columns(anomalies: pa.Table) -> pa.Table:
    """The stored columns in their stored types; absent ones are null, lists become JSON."""
    import orjson

    columns = {}
    for name, kind in _ANOMALY_TYPES.items():
        if name not in anomalies.column_names:
            default = "" if name == "kind" else None
            columns[name] = pa.array([default] * anomalies.num_rows, kind)
            continue
        column = anomalies[name]
        if pa.types.is_nested(column.type):
            column = pa.array([orjson.dumps(v).decode() for v in column.to_pylist()], kind)
        columns[name] = column.cast(kind)
    return pa.table(columns)
