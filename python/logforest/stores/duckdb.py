"""The embedded store: one DuckDB file, one writer, many readers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

import duckdb

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import ConfigError, StoreError
from logforest.sql import statement
from logforest.stores import duckdb_anomalies, duckdb_windows
from logforest.stores.base import Block, LogPage, LogQuery, Receipt, Total
from logforest.stores.duckdb_backlog import Applied, Backlog, Position, Within
from logforest.stores.duckdb_file import DuckDBFile
from logforest.stores.duckdb_templates import DuckDBTemplates
from logforest.stores.duckdb_writer import Writer
from logforest.stores.filters import Conditions, encode_cursor, log_conditions
from logforest.stores.journal import Journal
from logforest.values import whole

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.values import When
    from logforest.windows import WindowTable

__all__ = ["DuckDBStore"]

# Fold the log into the file when this much waits and nothing has come for a while, or at the latest
# here. The first costs 0.1 s at a quiet moment; the second bounds memory, the time to open, and how
# long commits wait for it: 2 ms a MB. Each step writes the last row group again and leaves holes
# where it was: smaller ones, or such between the records of a steady sender, double the file.
_CHECKPOINT_IDLE_BYTES = 4 << 20
_QUIET_SECONDS = 3.0
_CHECKPOINT_BYTES = 96 << 20
_AFTER_GAPS = 2


def _text_match(c: Conditions, term: str) -> str:
    """The same as ``contains(lower(message), term)``, but copies nothing to lower its case: three
    times as fast where a column holds ASCII only, and still faster where not."""
    if not any(c in term for c in "%_"):
        return f"message ILIKE {c.parameter(f'%{term}%')}"
    plain = term.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"message ILIKE {c.parameter(f'%{plain}%')} ESCAPE '!'"


def _batch(table: pa.Table) -> LogBatch:
    return LogBatch._from_core(_core.LogBatch.from_arrow(table))


class DuckDBStore:
    """A store in one DuckDB file, or in memory. See :class:`logforest.stores.base.Store`.

    Reads run beside the writer, each thread on its own connection, and see whole commits only.

    Parameters
    ----------
    path
        The file; made if absent.
    memory_limit
        What DuckDB may keep in memory.

    Examples
    --------
    >>> with DuckDBStore(":memory:") as store:
    ...     store.sql("SELECT count(*) AS n FROM logs")["n"][0].as_py()
    0
    """

    def __init__(self, path: str, *, memory_limit: str = "512MB") -> None:
        self.file = DuckDBFile(path, memory_limit=memory_limit)
        self._write_lock = threading.Lock()
        self._id_lock = threading.Lock()
        self._append_lock = threading.Lock()  # ids are committed in the order they were given
        self._templates = DuckDBTemplates(self.file, self._write_lock)
        self._writer = Writer(self.file)
        self._folding = duckdb_windows.Folding(self.file)
        self._committed_at = 0.0
        self.version = 0  # of the contents: grows with every commit
        self._backlog: Backlog | None = None
        if not self.file.in_memory:
            try:
                self._backlog = self._open_backlog()
            except BaseException:
                self.file.close()
                raise
        row = self.file.row(statement("duckdb", "last_id"))
        self._last_id: int = int(row[0]) if row else 0

    # --- writing -------------------------------------------------------------------------

    def commit(self, blocks: Sequence[Block]) -> None:
        """Store blocks in one durable transaction: all of them or, on error, none."""
        if self._backlog is not None:
            self._backlog.settle()  # first what came first
        self._commit(blocks)

    def _commit(
        self,
        blocks: Sequence[Block],
        applied: Position | None = None,
        within: Within | None = None,
    ) -> None:
        with self._write_lock:
            try:
                self._writer.commit(blocks, applied, within)
            except StoreError as error:
                if error.code != "fatal":
                    raise
                # DuckDB gave up on the open database, not on the file: after a failed write, maybe
                # of somebody else. Of this transaction nothing is in the file.
                self.file.reopen()
                if applied is None or self._position() < applied:
                    self._writer.commit(blocks, applied, within)
            self.version += 1
            self._committed_at = time.monotonic()
            self._folding.committed(blocks)

    def _open_backlog(self) -> Backlog:
        row = self.file.row("SELECT tag, applied FROM journal")
        assert row is not None
        backlog = Backlog(
            Journal(self.file.path, tag=int(row[0]), applied=int(row[1])),
            lambda block, position, within: self._commit([block], position, within),
            self._position,
            lambda: self.file.room,
        )
        backlog.replay()
        return backlog

    def _position(self) -> Position:
        row = self.file.row("SELECT applied, rows FROM journal")
        assert row is not None
        return int(row[0]), int(row[1])

    def commit_soon(
        self,
        logs: LogBatch,
        last_id: int,
        then: Applied | None = None,
        done: Callable[[], None] | None = None,
    ) -> bool:
        """Store records: durable when this returns True, at a fraction of a commit's cost.

        They are in the journal then, and in the tables a little later, or when somebody reads.
        ``then`` is called with them soon, in their order and with their neighbours, and ``done``
        when the tables have them; from any thread. False: nothing was done, use :meth:`commit`.
        Only for records with ids, masked and enriched, that brought neither rejects nor receipts;
        in the order of their ids.

        Raises
        ------
        StoreError
            Nothing of them is kept.
        """
        stored = self._backlog is not None and self._backlog.add(logs, last_id, then, done)
        self.version += stored
        return stored

    @property
    def problem(self) -> str | None:
        """Why records that were acknowledged are not in the tables yet, if they cannot be."""
        return self._backlog.problem if self._backlog is not None else None

    def settle(self) -> None:
        """Bring what :meth:`commit_soon` took into the tables; readers do so by themselves."""
        if self._backlog is not None:
            self._backlog.settle()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Statements see all that was acknowledged, one state of it, and groups whole."""
        if self._backlog is None:
            self.file.begin_reading()
        else:
            self._begin_reading(self._backlog)
        try:
            yield
        finally:
            self.file.end_reading()

    def _begin_reading(self, backlog: Backlog) -> None:
        while True:
            try:
                backlog.apply()
            except StoreError as error:
                if error.code != "disk_full":
                    raise
                # Who makes room wants to look around; the service says that records wait.
            with backlog.gate:
                if not backlog.split or backlog.problem is not None:
                    return self.file.begin_reading()

    def receipts(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """The ledger rows of those keys that were committed before."""
        table = self.file.query(statement("duckdb", "receipts"), [list(keys)])
        return {row["key"]: Receipt(**row) for row in table.to_pylist()}

    def next_id(self) -> int:
        """The first id never given yet."""
        return self._last_id + 1

    def reserve_ids(self, count: int) -> int:
        """Give out ``count`` ids; return the first."""
        with self._id_lock:
            first = self._last_id + 1
            self._last_id += count
            return first

    def append(self, logs: Any, *, key: str | None = None) -> tuple[int, int]:
        """Mask, enrich, number and commit ``logs``, a LogBatch or what :meth:`LogBatch.from_arrow`
        takes; return (first id, count). ``logs`` itself is not changed. Under a ``key`` that was
        committed before, nothing is stored, and the answer is that of the first time.
        """
        from logforest.pipeline.group import appended_before, prepare_batch

        with self._append_lock:
            if key is not None and (done := appended_before(self, key)) is not None:
                return done
            block = prepare_batch(LogBatch.from_arrow(logs), reserve_ids=self.reserve_ids, key=key)
            self.commit([block])
        count = block.logs.num_rows
        return (block.logs["id"][0].as_py() if count else self.next_id(), count)

    # --- reading -------------------------------------------------------------------------

    def logs(self, query: LogQuery | None = None, **filters: Any) -> LogBatch:
        """Records that match, newest first; all of them unless ``limit`` is given."""
        return _batch(self._select(LogQuery.of(query, filters)))

    def page(self, query: LogQuery) -> LogPage:
        """Records that match, with a cursor."""
        if query.limit is None:
            return LogPage(self.logs(query), None)
        table = self._select(replace(query, limit=query.limit + 1))
        if table.num_rows <= query.limit:
            return LogPage(_batch(table), None)
        table = table.slice(0, query.limit)
        if not query.limit:  # no last record to go on from
            return LogPage(_batch(table), None)
        cursor = encode_cursor(
            table["timestamp"][query.limit - 1].value, table["id"][query.limit - 1].as_py()
        )
        return LogPage(_batch(table), cursor)

    def _select(self, query: LogQuery) -> pa.Table:
        if query.template is not None:
            self._refresh_templates()
        conditions = log_conditions(query, text_match=_text_match)
        limit = "" if query.limit is None else f"LIMIT {int(query.limit)}"
        sql = statement("duckdb", "select_logs").format(
            where=conditions.where,
            order="ASC" if query.ascending else "DESC",
            limit=f"{limit} OFFSET {int(query.offset)}" if query.offset else limit,
        )
        with self._cores_for(query), self._reading():
            return self.file.query(sql, conditions.parameters)

    def _cores_for(self, query: LogQuery) -> AbstractContextManager[None]:
        """All cores where many records are read, also for a page of rare ones."""
        rare = query.q or query.cursor is not None or query.service or query.level
        few = query.limit is not None and not rare
        return nullcontext() if few else self.file.all_cores()

    def count(self, query: LogQuery) -> int:
        """How many records match, all pages together."""
        if query.template is not None:
            self._refresh_templates()
        conditions = log_conditions(query, text_match=_text_match, paging=False)
        with self._cores_for(query), self._reading():
            return self._number(
                f"SELECT count(*) FROM logs {conditions.where}", conditions.parameters
            )

    def total(self, query: LogQuery) -> Total:
        """As :meth:`count`: columns are scanned fast enough."""
        return Total(self.count(query))

    def _number(self, sql: str, parameters: Sequence[object] = ()) -> int:
        row = self.file.row(sql, parameters)
        return int(row[0]) if row and row[0] is not None else 0

    def log(self, log_id: int) -> LogBatch:
        """One record by id; empty when there is none."""
        with self._reading():
            return _batch(
                self.file.query("SELECT * FROM logs WHERE id = $1", [whole("log_id", log_id)])
            )

    def context(self, log_id: int, *, lines: int = 5) -> LogBatch:
        """The record and up to ``lines`` of the same service before and after it, oldest first."""
        numbers = [whole("log_id", log_id), whole("lines", lines, 0)]
        with self._reading():
            return _batch(self.file.query(statement("duckdb", "context"), numbers))

    def after(self, log_id: int, until: int, limit: int) -> LogBatch:
        """The first ``limit`` records with ``log_id < id <= until``, in order of id."""
        sql = statement("duckdb", "logs_after")
        near = log_id + _AFTER_GAPS * limit  # ids have few gaps
        if near < until:  # else all columns of all that follows would be read
            table = self.file.query(sql, [log_id, near, limit])
            if table.num_rows == limit:
                return _batch(table)
        if self._backlog is not None:
            self._backlog.apply()
        return _batch(self.file.query(sql, [log_id, until, limit]))

    def windows(
        self,
        *,
        every: str = "1m",
        by: Sequence[str] | str = ("service", "level"),
        since: When = None,
        until: When = None,
        tenant: str | None = None,
    ) -> WindowTable:
        """Aggregates as of ``lf.aggregate``, answered from the windows table, never from logs.

        ``by`` may name tenant, service, level and category. ``since`` and ``until`` are taken
        down and up to whole minutes.
        """
        with self._reading():
            return duckdb_windows.windows(
                self.file, every=every, by=by, since=since, until=until, tenant=tenant
            )

    def time_range(
        self,
        *,
        since: When = None,
        until: When = None,
        tenant: str | None = None,
    ) -> tuple[datetime, datetime] | None:
        """First and last minute that hold records; None when there are none."""
        with self._reading():
            return duckdb_windows.time_range(self.file, since, until, tenant)

    def templates(
        self,
        *,
        since: When = None,
        until: When = None,
        tenant: str | None = None,
        limit: int = 100,
    ) -> pa.Table:
        """The most frequent message templates; see :class:`logforest.stores.base.Store`."""
        self._refresh_templates()
        with self._reading():
            return self._templates.table(since, until, tenant, limit)

    def _refresh_templates(self) -> None:
        with self._reading():  # brings into the tables what is to be counted
            pass
        self._templates.refresh()

    def update_templates(self) -> bool:
        """Count and group what was committed since the last call; whether there was anything."""
        return self._templates.update()

    # --- detection -----------------------------------------------------------------------

    def add_anomalies(self, anomalies: pa.Table | None, *, detected_id: int | None = None) -> int:
        """Keyed by (log_id, model_version, kind): repeats are harmless. How many were new."""
        with self._write_lock:
            return duckdb_anomalies.add_anomalies(self.file, anomalies, detected_id)

    def detected_id(self) -> int:
        """The last record that detection has dealt with; 0 when none."""
        return self._number("SELECT value FROM progress WHERE name = 'detected_id'")

    def anomalies(self, **filters: Any) -> pa.Table:
        """Anomalies, newest first; filters as of :class:`logforest.stores.base.Store`."""
        try:
            return duckdb_anomalies.anomalies(self.file, **filters)
        except TypeError as error:
            raise ConfigError(f"anomalies: {str(error).split('() ')[-1]}") from None

    def alerts(
        self, *, status: Literal["open", "acknowledged", "resolved"] | None = None
    ) -> pa.Table:
        """Alerts, newest first."""
        return duckdb_anomalies.alerts(self.file, status)

    def sql(self, query: str, parameters: Sequence[object] = ()) -> pa.Table:
        """One read-only statement; it can neither change the store nor touch other files.

        Raises
        ------
        ConfigError
            Not exactly one SELECT or EXPLAIN, or the SQL is wrong.
        """
        with self.file.errors():
            kinds = [s.type.name for s in duckdb.extract_statements(query)]
        if len(kinds) != 1 or kinds[0] not in ("SELECT", "EXPLAIN"):
            raise ConfigError("sql: give exactly one SELECT statement")
        with self.file.all_cores(), self._reading():
            return self.file.query(query, parameters)

    # --- housekeeping --------------------------------------------------------------------

    def maintain(self, *, idle: bool) -> None:
        """Fold the log into the file at a quiet moment, or when it has grown too long."""
        quiet = idle and time.monotonic() - self._committed_at > _QUIET_SECONDS
        if self.file.wal_bytes < (_CHECKPOINT_IDLE_BYTES if quiet else _CHECKPOINT_BYTES):
            return
        if self.file.room <= 0:  # DuckDB would give up halfway, and on the open database with it
            return
        if self._folding.running.acquire(blocking=False):
            try:
                with self._write_lock:
                    self.file.checkpoint()
            finally:
                self._folding.running.release()

    def fold_windows(self, *, now: bool = False) -> int:
        """Merge what commits left in the windows table, beside them; how many rows went away."""
        return self._folding.fold(now=now)

    def close(self) -> None:
        """Release everything; idempotent."""
        if self._backlog is not None:
            self._backlog.close()
        with self._folding.running, self._write_lock:
            self._writer.close()
            self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
