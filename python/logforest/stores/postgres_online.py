"""Migrations that build indexes while others write.

A migration whose file begins with ``-- online`` runs statement by statement, outside of a
transaction: ``CREATE INDEX CONCURRENTLY name ON table ...`` and ``DROP INDEX name``, nothing else.
Each can be cut off anywhere and run again. Postgres builds no index of a partitioned table that
way, so it is done by its recipe: the index of the parent alone, one of each partition
concurrently, then they are attached. Locks that writers would wait for are asked for with a short
timeout, again and again.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from logforest.errors import ConfigError, StoreError
from logforest.sql import statement

if TYPE_CHECKING:
    from logforest._core import PgSession

__all__ = [
    "BUILD_SECONDS",
    "LOCK_NOT_AVAILABLE",
    "LOCK_TIMEOUT_MS",
    "is_online",
    "rows_of",
    "run_online",
]

BUILD_SECONDS = 7 * 86_400.0  # for one statement
LOCK_TIMEOUT_MS = 500
_LOCK_PATIENCE = 600.0  # seconds until the migration gives up on a lock; it can be run again
_PAUSE = 0.5  # seconds in which writers go on
LOCK_NOT_AVAILABLE = "55P03"
_GONE = frozenset({"42P01", "42704"})  # undefined table or index: dropped meanwhile

_CREATE = re.compile(r"CREATE INDEX CONCURRENTLY (\w+) ON (\w+) (.+)", re.DOTALL)
_DROP = re.compile(r"DROP INDEX (\w+)")


def is_online(sql: str) -> bool:
    """Whether the text of a migration asks to be run this way."""
    return sql.startswith("-- online\n")


def run_online(session: PgSession, sql: str) -> None:
    """Run a migration's statements, or what is left of them.

    Raises:
        ConfigError: a statement of another kind.
        StoreError: what Postgres says; or a lock was not to be had for minutes (retryable).
    """
    plain = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    session.execute("SET statement_timeout = 0")
    try:
        for part in filter(None, map(str.strip, plain.split(";"))):
            if create := _CREATE.fullmatch(part):
                _create(session, *create.groups())
            elif drop := _DROP.fullmatch(part):
                _locked(session, f"DROP INDEX IF EXISTS {drop[1]}")
            else:
                raise ConfigError(f"not a statement of an online migration: {part}")
    finally:
        session.execute("RESET statement_timeout")


def _create(session: PgSession, name: str, table: str, what: str) -> None:
    if not _partitioned(session, table):
        _build(session, name, table, what)
        return
    if _valid(session, name) is None:
        _locked(session, f"CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} {what}")
    # Partitions that are made from here on have the index from the beginning.
    suffix = name.removeprefix(f"{table}_")
    for row in rows_of(session, statement("postgres", "partitions_without_index"), [table, name]):
        own = f"{row['name']}_{suffix}"
        try:
            _build(session, own, row["name"], what)
            _locked(session, f"ALTER INDEX {name} ATTACH PARTITION {own}")
        except StoreError as error:
            if error.code not in _GONE:
                raise


def _build(session: PgSession, name: str, table: str, what: str) -> None:
    valid = _valid(session, name)
    if valid:
        return
    if valid is not None:  # left by a run that was cut off
        session.execute(f"DROP INDEX CONCURRENTLY {name}", timeout=BUILD_SECONDS)
    session.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} {what}", timeout=BUILD_SECONDS)


def _locked(session: PgSession, sql: str) -> None:
    """Run a quick statement that others may have to wait for."""
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            session.execute(f"BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_MS}ms'; {sql}; COMMIT")
            return
        except StoreError as error:
            if session.in_transaction:
                session.execute("ROLLBACK")
            if error.code != LOCK_NOT_AVAILABLE or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _valid(session: PgSession, index: str) -> bool | None:
    """None: there is no such index."""
    rows = rows_of(
        session,
        "SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)", [index],
    )  # fmt: skip
    return rows[0]["valid"] if rows else None


def _partitioned(session: PgSession, table: str) -> bool:
    sql = "SELECT relkind = 'p' AS yes FROM pg_class WHERE oid = to_regclass($1)"
    return bool(rows_of(session, sql, [table])[0]["yes"])


def rows_of(
    session: PgSession, sql: str, parameters: list[object] | None = None
) -> list[dict[str, Any]]:
    """What a query gives, as dicts."""
    rows: list[dict[str, Any]] = pa.table(session.query(sql, parameters or [])).to_pylist()
    return rows
