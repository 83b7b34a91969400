"""The tables beside ``logs`` of the Postgres store: windows, anomalies, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import uniform
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from logforest.errors import ConfigError
from logforest.sql import statement
from logforest.stores.filters import (
    Conditions,
    alert_conditions,
    anomaly_conditions,
    decode_cursor,
    from_us,
)
from logforest.values import names, whole
from logforest.windows import BASE_KEYS

if TYPE_CHECKING:
    from logforest._core import PgSession
    from logforest.values import When
    from logforest.windows import WindowTable

__all__ = ["PostgresTables"]

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
        by: Sequence[str] | str = ("service", "level"),
        since: When = None,
        until: When = None,
        tenant: str | None = None,
    ) -> WindowTable:
        """Aggregates as of ``lf.aggregate``, answered from the windows table, never from logs."""
        from logforest.windows import WindowTable

        wanted = names("by", by)
        c = Conditions()
        c.within(tenant, since, until, "window_start")
        # Rows are merged by the wanted keys as they are read; unknown keys are told by rollup().
        keys = wanted if set(wanted) <= set(BASE_KEYS) else BASE_KEYS
        sql = statement("postgres", "select_windows").format(
            keys="".join(f"{key}::text AS {key}, " for key in keys), where=c.where
        )
        base = WindowTable.from_arrow(self._table(sql, c.parameters), by=keys)
        return base.rollup(every=every, by=wanted)

    def time_range(
        self,
        *,
        since: When = None,
        until: When = None,
        tenant: str | None = None,
    ) -> tuple[datetime, datetime] | None:
        """First and last minute that hold records; None when there are none."""
        c = Conditions()
        c.within(tenant, since, until, "window_start")
        table = self._table(
            "SELECT min(window_start) AS a, max(window_start) + interval '1 minute' AS b "
            f"FROM windows {c.where}",
            c.parameters,
        )
        first, last = table["a"][0].as_py(), table["b"][0].as_py()
        return None if first is None else (first, last)

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
            folded = WindowTable.from_arrow(taken, by=BASE_KEYS).partials()
            session.copy_arrow("windows", folded)
            return int(taken.num_rows) - int(folded.num_rows)

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

    def anomalies(self, **filters: Any) -> pa.Table:
        """Anomalies, newest first; filters as of :class:`logforest.stores.base.Store`."""
        try:
            return self._anomalies(**filters)
        except TypeError as error:
            raise ConfigError(f"anomalies: {str(error).split('() ')[-1]}") from None

    def _anomalies(
        self, *, limit: int | None = 100, cursor: str | None = None, **filters: Any
    ) -> pa.Table:
        c = anomaly_conditions(**filters)
        if cursor:
            timestamp_us, row_id = decode_cursor(cursor)
            c.add("(timestamp, id) < ({}, {})", from_us(timestamp_us), row_id)
        tail = "" if limit is None else f"LIMIT {whole('limit', limit, 0)}"
        sql = statement("postgres", "select_anomalies").format(where=c.where, limit=tail)
        return _from_json(self._table(sql, c.parameters))

    # --- alerts --------------------------------------------------------------------------

    def alerts(
        self, *, status: Literal["open", "acknowledged", "resolved"] | None = None
    ) -> pa.Table:
        """Alerts, newest first."""
        c = alert_conditions(status)
        out: pa.Table = self._table(
            "SELECT id, alert_type, severity, tenant, service, condition, status, triggered_at, "
            "acknowledged_at, resolved_at, count, fingerprint "
            f"FROM alerts {c.where} ORDER BY triggered_at DESC, id DESC",
            c.parameters,
        )
        return out

    def raise_alerts(
        self, limit: int, severities: Sequence[str], channels: Sequence[str]
    ) -> tuple[int, list[dict[str, Any]]]:
        """Turn new anomalies into alerts and outbox rows; how many were seen, and the alerts."""
        wanted = [s.upper() for s in severities]
        with self._session() as session:
            rows = pa.table(
                session.query(
                    statement("postgres", "raise_alerts"), [limit, wanted, list(channels)]
                )
            ).to_pylist()
        return int(rows[0]["seen"]), [row for row in rows if row["id"] is not None]

    def raise_loss_alerts(self, channels: Sequence[str]) -> list[dict[str, Any]]:
        """Turn new losses of the queue into one open alert a group."""
        with self._session() as session:
            sql = statement("postgres", "raise_loss_alert")
            rows: list[dict[str, Any]] = pa.table(session.query(sql, [list(channels)])).to_pylist()
        return rows

    def drain_outbox(self, channel: str, send: Callable[[str], None]) -> int:
        """Send what is due on a channel; what fails is tried again later, with backoff."""
        sent = 0
        with self._transaction() as session:
            due = pa.table(session.query(statement("postgres", "due_notifications"), [channel]))
            for row in due.to_pylist():
                try:
                    send(row["payload"])
                except Exception as error:
                    seconds = min(3600, 2 ** min(row["attempts"], 12)) * uniform(0.5, 1.0)
                    session.query(
                        "UPDATE notifications SET attempts = attempts + 1, last_error = $2, "
                        "next_attempt_at = now() + $3::float8 * interval '1 s' WHERE id = $1",
                        [row["id"], str(error)[:500], seconds],
                    )
                else:
                    session.query(
                        "UPDATE notifications SET attempts = attempts + 1, sent_at = now() "
                        "WHERE id = $1",
                        [row["id"]],
                    )
                    sent += 1
        return sent

    # --- insights ----------------------------------------------------------

    def note_templates(self, status: str) -> int:
        """Give each template without an insight one with ``status``; returns how many."""
        with self._session() as session:
            return _value(session, statement("postgres", "note_templates"), [status])

    # --- losses --------------------------------------------------------------------------

    def add_lost(self, group: str, entry_ids: Sequence[str]) -> int:
        """Keep the ids of entries that the queue lost before they were processed."""
        with self._session() as session:
            return _value(session, statement("postgres", "add_lost"), [group, list(entry_ids)])


def _value(session: PgSession, sql: str, parameters: Sequence[object] = ()) -> int:
    table = pa.table(session.query(sql, parameters))
    return int(table.column(0)[0].as_py())


_STAMP = pa.timestamp("us", tz="UTC")
_ANOMALY_TYPES = {
    "log_id": pa.int64(), "kind": pa.string(), "timestamp": _STAMP, "tenant": pa.string(),
    "service": pa.string(), "level": pa.string(), "message": pa.string(),
    "anomaly_score": pa.float64(), "severity": pa.string(), "confidence": pa.float64(),
    "model_version": pa.string(), "template_id": pa.int64(), "template": pa.string(),
    "features_used": pa.string(), "actual": pa.float64(), "expected": pa.float64(),
    "reason": pa.string(), "reasons": pa.string(), "samples": pa.string(), "window_start": _STAMP,
    "window_end": _STAMP, "incident_start": _STAMP, "detected_at": _STAMP,
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
            column = pa.array(
                [None if v is None else orjson.dumps(v).decode() for v in column.to_pylist()], kind
            )
        columns[name] = column.cast(kind)
    return pa.table(columns)


_NESTED = {
    "reasons": pa.list_(pa.string()),
    "samples": pa.list_(pa.string()),
    "features_used": pa.list_(
        pa.struct(
            [
                ("feature", pa.string()),
                ("value", pa.float64()),
                ("expected", pa.float64()),
                ("contribution", pa.float64()),
            ]
        )
    ),
}


def _from_json(table: pa.Table) -> pa.Table:
    """The nested columns, which are stored as JSON."""
    import orjson

    for name, kind in _NESTED.items():
        values = [None if v is None else orjson.loads(v) for v in table[name].to_pylist()]
        at = table.column_names.index(name)
        table = table.set_column(at, name, pa.array(values, kind))
    return table
