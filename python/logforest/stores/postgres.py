"""The server store: Postgres 15 or newer, any number of writers and readers."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import ConfigError, LogforestError, StoreError
from logforest.sql import statement
from logforest.stores import postgres_schema
from logforest.stores.base import Block, LogPage, LogQuery, Receipt, partials
from logforest.stores.filters import encode_cursor, log_conditions
from logforest.stores.postgres_commit import (
    PartialRepeat,
    copy_blocks,
    copy_by_halves,
    insert_keys,
    ledger_rows,
    months_from_now,
    months_of,
    rejects_of,
)
from logforest.stores.postgres_latest import latest_of_pairs, most_services, select_page
from logforest.stores.postgres_search import PostgresSearch, is_narrow, text_match
from logforest.stores.postgres_tables import PostgresTables
from logforest.stores.postgres_templates import PostgresTemplates
from logforest.values import whole

if TYPE_CHECKING:
    from logforest._core import PgSession

__all__ = ["PostgresStore"]

_OLDEST_MONTHS = 24  # rows older than this go to the default partition
_AHEAD_MONTHS = 2
_RETENTION_SECONDS = 600  # between two looks at the retention rules
_READING = re.compile(
    r"(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|values|table|explain)\b", re.IGNORECASE | re.DOTALL
)


class PostgresStore(PostgresTables, PostgresTemplates, PostgresSearch):
    """A store in a Postgres database. See :class:`logforest.stores.base.Store`.

    Args:
        dsn: libpq keywords or ``postgresql://``; TLS by ``sslmode`` and friends.
        replica: DSN of a read replica for queries; writes and ids always go to ``dsn``.
        pool_size, replica_pool_size: connections held at most.
        create: make or upgrade the schema; otherwise a missing schema is an error.
        connect_timeout, command_timeout: seconds.

    Raises:
        ConfigError: bad DSN, refused login, schema missing or newer.
        StoreError: the server cannot be reached (``retryable``).
    """

    #: Many processes write: nobody knows whether the contents changed.
    version: int | None = None

    def __init__(
        self,
        dsn: str,
        *,
        replica: str | None = None,
        pool_size: int = 4,
        replica_pool_size: int = 4,
        create: bool = True,
        connect_timeout: float = 10.0,
        command_timeout: float = 60.0,
        name: str = "logforest",
    ) -> None:
        limits = {"connect_timeout": connect_timeout, "command_timeout": command_timeout}
        self._writer = _core.PgClient(dsn, pool_size=pool_size, name=name, **limits)
        self._reader = (
            _core.PgClient(replica, pool_size=replica_pool_size, name=name, **limits)
            if replica
            else self._writer
        )
        self._months: set[tuple[int, int]] = set()
        self._months_lock = threading.Lock()
        self._maintained = self._retained = time.monotonic()
        self._create = create
        self._schema_known = False
        self._schema_lock = threading.Lock()
        self._init_templates()
        self._init_search()

    @contextlib.contextmanager
    def _session(self, *, write: bool = True) -> Iterator[PgSession]:
        if write or self._reader is self._writer:
            self._know_schema()
        session = (self._writer if write else self._reader).session()
        try:
            yield session
        finally:
            session.close()

    def _know_schema(self) -> None:
        # At the first use, not when made: a service must start while Postgres is away.
        if self._schema_known:
            return
        with self._schema_lock:
            if self._schema_known:
                return
            session = self._writer.session()
            try:
                if self._create:
                    postgres_schema.migrate(session)
                else:
                    postgres_schema.check(session)
            finally:
                session.close()
            self._schema_known = True

    def ping(self) -> None:
        """StoreError unless the server that is written to answers; its schema is checked."""
        with self._session() as session:
            session.query("SELECT 1 AS one")

    def ping_replica(self) -> None:
        """StoreError unless the server that is read from answers."""
        self._table("SELECT 1 AS one")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[PgSession]:
        """BEGIN ... COMMIT; rolled back on any exception. A lost COMMIT raises: outcome unknown."""
        with self._session() as session:
            session.execute("BEGIN")
            try:
                yield session
            except BaseException:
                with contextlib.suppress(StoreError):
                    session.execute("ROLLBACK")
                raise
            session.execute("COMMIT")

    # --- writing -------------------------------------------------------------------------

    def commit(self, blocks: Sequence[Block]) -> set[str]:
        """Store blocks in one durable transaction: all of them or, on error, none.

        A block whose key is in the ledger already is left out: a redelivery changes nothing.
        Returns the keys that were new.

        Raises:
            PartialRepeat: a block's receipts are partly in the ledger.
        """
        ledger = {row.key: row for block in blocks for row in ledger_rows(block)}
        self._make_partitions(blocks)
        with self._transaction() as session:
            fresh = insert_keys(session, ledger)
            new = []
            for block in blocks:
                own = {row.key for row in ledger_rows(block)}
                if not own & fresh:
                    continue
                if own - fresh:
                    raise PartialRepeat(block, own & fresh)
                new.append(block)
            copy_blocks(session, new)
        return fresh

    def commit_bisecting(self, block: Block) -> list[tuple[int, str]]:
        """Store what can be stored of a block that was refused, in one transaction.

        Returns:
            The refused rows: position and reason each. All others are stored, and the ledger
            knows the block.
        """

        ledger = {row.key: row for row in ledger_rows(block)}
        table = pa.table(block.logs._core)
        refused: list[tuple[int, str]] = []
        with self._transaction() as session:
            fresh = insert_keys(session, ledger)
            if len(fresh) != len(ledger):
                if not fresh:
                    return []
                raise PartialRepeat(block, fresh)
            if table.num_rows:
                refused = copy_by_halves(session, table)
            gone = {row for row, _ in refused}
            kept = table.take([i for i in range(table.num_rows) if i not in gone])
            if kept.num_rows:
                landed = LogBatch._from_core(_core.LogBatch.from_arrow(kept.combine_chunks()))
                session.copy_arrow("windows", partials(landed))
            if block.logs._core.counts["rejected"]:
                session.copy_arrow("rejected_logs", rejects_of(block))
        return refused

    def receipts(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """The ledger rows of those keys that were committed before."""
        with self._session() as session:
            rows = pa.table(session.query(statement("postgres", "receipts"), [list(keys)]))
        return {row["key"]: Receipt(**row) for row in rows.to_pylist()}

    def next_id(self) -> int:
        """The first id that a direct write would get; queued records get theirs from Redis."""
        sql = "SELECT value FROM progress WHERE name = 'direct_id'"
        with self._session() as session:
            return int(pa.table(session.query(sql))["value"][0].as_py()) + 1

    def reserve_ids(self, count: int) -> int:
        """Give out ``count`` ids for a direct write; return the first."""
        sql = (
            "UPDATE progress SET value = value + $1::bigint "
            "WHERE name = 'direct_id' RETURNING value"
        )
        with self._session() as session:
            last = int(pa.table(session.query(sql, [count]))["value"][0].as_py())
        return last - count + 1

    def append(self, logs: Any, *, key: str | None = None) -> tuple[int, int]:
        """Mask, enrich, number and commit ``logs``, a LogBatch or what :meth:`LogBatch.from_arrow`
        takes; return (first id, count). Under a ``key`` that was committed before, nothing is
        stored, and the answer is that of the first time.
        """
        from logforest.pipeline.group import appended_before, prepare_batch

        if key is not None and (done := appended_before(self, key)) is not None:
            return done
        block = prepare_batch(LogBatch.from_arrow(logs), reserve_ids=self.reserve_ids, key=key)
        self.commit([block])
        self.keep_templates(block.logs)
        count = block.logs.num_rows
        first = pa.table(block.logs._core)["id"][0].as_py() if count else self.next_id()
        return first, count

    def _make_partitions(self, blocks: Sequence[Block]) -> None:
        missing: set[tuple[int, int]] = set()
        for block in blocks:
            if block.logs.num_rows:
                missing |= months_of(block.logs) - self._months
        for year, month in sorted(missing):
            if months_from_now(year, month) in range(-_OLDEST_MONTHS, _AHEAD_MONTHS + 1):
                with self._session() as session:
                    session.query("SELECT make_log_partition($1)", [f"{year}-{month:02}-01T00:00Z"])
        with self._months_lock:
            self._months |= missing

    # --- reading -------------------------------------------------------------------------

    def logs(self, query: LogQuery | None = None, **filters: Any) -> LogBatch:
        """Records that match, newest first; all of them unless ``limit`` is given."""
        return self._select(LogQuery.of(query, filters))

    def page(self, query: LogQuery) -> LogPage:
        """Records that match, with a cursor."""
        if query.limit is None:
            return LogPage(self.logs(query), None)
        logs = self._select(replace(query, limit=query.limit + 1))
        if logs.num_rows <= query.limit:
            return LogPage(logs, None)
        if not query.limit:  # no last record to go on from
            return LogPage(logs.head(0), None)
        table = pa.table(logs._core)
        last = query.limit - 1
        cursor = encode_cursor(table["timestamp"][last].value, table["id"][last].as_py())
        return LogPage(logs.head(query.limit), cursor)

    def _select(self, query: LogQuery) -> LogBatch:
        if query.template is not None:
            self._refresh_templates()
        services = self._services(query)
        if services is None and is_narrow(query):
            return self._search(query)
        if (latest := latest_of_pairs(query, services)) is not None:
            return self._logs(latest[0], latest[1].parameters)
        conditions = log_conditions(query, text_match=text_match)
        return self._logs(select_page(query, conditions.where), conditions.parameters)

    def _services(self, query: LogQuery) -> list[str] | None:
        """All services, if the page of a query by levels is to be merged from theirs."""
        most = most_services(query)
        if most <= 0:
            return None
        found: list[str] = self._table(statement("postgres", "services"), [most + 1])[
            "service"
        ].to_pylist()
        return found if len(found) <= most else None

    def _logs(self, sql: str, parameters: Sequence[object] = ()) -> LogBatch:
        with self._session(write=False) as session:
            return LogBatch._from_core(session.query_logs(sql, parameters))

    def _table(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        with self._session(write=False) as session:
            return pa.table(session.query(sql, parameters))

    def count(self, query: LogQuery) -> int:
        """How many records match, all pages together."""
        if query.template is not None:
            self._refresh_templates()
        conditions = log_conditions(query, text_match=text_match, paging=False)
        sql = f"SELECT count(*) AS n FROM logs {conditions.where}"
        return int(self._table(sql, conditions.parameters)["n"][0].as_py())

    def log(self, log_id: int) -> LogBatch:
        """One record by id; empty when there is none."""
        sql = statement("postgres", "select_logs").format(
            source="logs", where="WHERE id = $1", order="DESC", limit="LIMIT 1"
        )
        return self._logs(sql, [whole("log_id", log_id)])

    def context(self, log_id: int, *, lines: int = 5) -> LogBatch:
        """The record and up to ``lines`` of the same service before and after it, oldest first."""
        numbers = [whole("log_id", log_id), whole("lines", lines, 0)]
        return self._logs(statement("postgres", "context"), numbers)

    def after(self, log_id: int, until: int, limit: int) -> LogBatch:
        """The first ``limit`` records with ``log_id < id <= until``, in order of id."""
        sql = statement("postgres", "select_logs").format(
            source="logs",
            where="WHERE id > $1 AND id <= $2",
            order="ASC",
            limit=f"LIMIT {int(limit)}",
        )
        return self._logs(sql.replace("ORDER BY timestamp ASC, id", "ORDER BY id"), [log_id, until])

    def sql(self, query: str, parameters: Sequence[object] = ()) -> pa.Table:
        """One read-only statement: it can neither change the store nor touch the server's files.

        Raises:
            ConfigError: not exactly one SELECT or EXPLAIN, or the SQL is wrong.
        """
        if not _READING.match(query):
            raise ConfigError("sql: give exactly one SELECT statement")
        with self._session(write=False) as session:
            session.execute("BEGIN READ ONLY")
            try:
                if pa.table(session.query("SHOW is_superuser"))[0][0].as_py() == "on":
                    # Superusers may read files; whoever writes SQL here may read tables.
                    session.execute("SET LOCAL ROLE pg_read_all_data")
                return pa.table(session.query(query, parameters))
            except StoreError as error:
                if error.code[:2] in ("42", "22", "25", "0A", "21") or error.code == "08P01":
                    raise ConfigError(f"sql: {error}") from None
                raise
            finally:
                with contextlib.suppress(StoreError):
                    session.execute("ROLLBACK")

    # --- housekeeping --------------------------------------------------------------------

    def maintain(self, *, idle: bool) -> None:
        """Templates and search segments; once a minute partitions ahead and folding of old window
        deltas; retention."""
        del idle  # Postgres does its own housekeeping beside the writers
        self.update_templates()
        self.cover()
        now = time.monotonic()
        if now - self._maintained < 60:
            return
        self._maintained = now
        with self._session() as session:
            session.query("SELECT make_log_partitions(now(), $1)", [_AHEAD_MONTHS])
            if now - self._retained >= _RETENTION_SECONDS:
                self._retained = now
                postgres_schema.retain(session)
        self.fold_windows()

    def fence(self, silent: float) -> list[str]:
        """End the sessions of processes of ours that stopped in a transaction others wait for.

        A process that was stopped (or whose machine hangs) keeps its locks as long as its kernel
        answers; what it had begun is rolled back, and others take it over.

        Args:
            silent: seconds without a sign from it.

        Returns:
            Who was cut off: ``name (pid of the server's process)``.
        """
        with self._session() as session:
            rows = pa.table(session.query(statement("postgres", "fence"), [silent])).to_pylist()
        return [f"{row['application_name']} ({row['pid']})" for row in rows if row["ended"]]

    def close(self) -> None:
        """Release everything; idempotent."""
        with contextlib.suppress(LogforestError):
            self._write_counts()
        self._writer.close()
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
