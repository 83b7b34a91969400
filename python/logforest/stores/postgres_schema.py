"""Schema of the Postgres store: migrations (numbered .sql files), partitions, retention."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from logforest.errors import ConfigError, StoreError
from logforest.sql import statement
from logforest.stores.postgres_online import (
    BUILD_SECONDS,
    LOCK_NOT_AVAILABLE,
    LOCK_TIMEOUT_MS,
    is_online,
    rows_of,
    run_online,
)

if TYPE_CHECKING:
    from logforest._core import PgSession

__all__ = ["Migration", "applied", "check", "migrate", "migrations", "retain"]

# One migrating process at a time (pg_advisory_lock).
_LOCK = "7310, 0"
# One process that applies the retention rules at a time.
_RETENTION_LOCK = "7310, 2"
_DELETED_AT_ONCE = 20_000
_REPLACES = re.compile(r"^-- replaces: ([0-9a-f]{64})$", re.MULTILINE)
_LOCK_PAUSE = 0.1  # seconds between two looks whether somebody else is done
_BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now(),
    name text NOT NULL,
    checksum text NOT NULL
)"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of ``sql/postgres/migrations``."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def accepted(self) -> frozenset[str]:
        """This checksum and those of earlier texts that came to the same schema."""
        return frozenset({self.checksum, *_REPLACES.findall(self.sql)})


def migrations() -> list[Migration]:
    """All migrations of this release, in order."""
    folder = resources.files("logforest.sql").joinpath("postgres", "migrations")
    out = []
    for file in folder.iterdir():
        if match := re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name):
            out.append(Migration(int(match[1]), match[2], file.read_text("utf-8")))
    return sorted(out, key=lambda m: m.version)


def applied(session: PgSession) -> dict[int, str]:
    """Version -> checksum of the migrations that this database has; empty for a new one."""
    exists = rows_of(session, "SELECT to_regclass('schema_migrations') IS NOT NULL AS there")
    if not exists[0]["there"]:
        return {}
    rows = rows_of(session, "SELECT version, checksum FROM schema_migrations")
    return {row["version"]: row["checksum"] for row in rows}


def migrate(session: PgSession) -> list[Migration]:
    """Apply what is missing; return what was applied.

    Each migration is one transaction, or, if it is online (postgres_online.py), steps that can be
    cut off anywhere and run again. Another process that migrates is waited for.

    Raises
    ------
    ConfigError
        The database is newer than this release, or an applied migration was changed.
    """
    known = applied(session)
    _compare(known)
    if len(known) == len(migrations()):
        return []  # needs no right to create anything
    # Whoever waits inside of a statement has a snapshot, which an index that is built online has
    # to wait for.
    while not rows_of(session, f"SELECT pg_try_advisory_lock({_LOCK}) AS mine")[0]["mine"]:
        time.sleep(_LOCK_PAUSE)
    try:
        session.execute("SET client_min_messages = warning; " + _BOOKKEEPING)
        done = []
        known = applied(session)
        _compare(known)
        for migration in migrations():
            if migration.version in known:
                continue
            sql = migration.sql
            if is_online(sql):
                run_online(session, sql)
                sql = ""
            session.execute(
                f"BEGIN;\n{sql}\n;"
                f"INSERT INTO schema_migrations (version, name, checksum) VALUES "
                f"({migration.version}, '{migration.name}', '{migration.checksum}'); COMMIT",
                timeout=BUILD_SECONDS,
            )
            done.append(migration)
        return done
    finally:
        if session.in_transaction:
            session.execute("ROLLBACK")
        session.execute(f"SELECT pg_advisory_unlock({_LOCK})")


def _compare(known: dict[int, str]) -> None:
    ours = {m.version: m for m in migrations()}
    if newer := sorted(set(known) - set(ours)):
        raise ConfigError(
            f"the database has schema version {newer[-1]}, this release knows {max(ours)}: "
            "upgrade logforest (a newer schema is never downgraded)"
        )
    for version, checksum in known.items():
        if checksum not in ours[version].accepted:
            raise ConfigError(
                f"migration {version:04} ({ours[version].name}) differs from the one that was "
                "applied to this database; restore the released file"
            )


def check(session: PgSession) -> None:
    """ConfigError unless the database has exactly this release's schema."""
    known = applied(session)
    _compare(known)
    missing = [m for m in migrations() if m.version not in known]
    if missing:
        raise ConfigError(
            f"the database lacks {len(missing)} migration(s) from {missing[0].version:04} on: "
            "run `logforest db migrate`"
        )


def retain(session: PgSession, *, seconds: float = 20.0) -> dict[str, int]:
    """Apply the retention rules: drop whole months, delete what is left row by row.

    One process at a time; the others return at once. Writers and readers never wait longer than
    the lock timeout: what cannot be had now is tried again at the next call.

    Parameters
    ----------
    seconds
        Time after which the rest is left to the next call.

    Returns
    -------
    dict
        ``partitions`` dropped and ``rows`` deleted.
    """
    done = {"partitions": 0, "rows": 0}
    if not rows_of(session, f"SELECT pg_try_advisory_lock({_RETENTION_LOCK}) AS mine")[0]["mine"]:
        return done
    try:
        deadline = time.monotonic() + seconds
        for row in rows_of(session, statement("postgres", "expired_partitions")):
            # A long query on logs holds this up; waiting in line would hold up all after us.
            try:
                session.execute(
                    f"BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_MS}ms'; "
                    f'DROP TABLE IF EXISTS "{row["name"]}"; COMMIT'
                )
            except StoreError as error:
                if error.code != LOCK_NOT_AVAILABLE:
                    raise
                session.execute("ROLLBACK")
                continue
            done["partitions"] += 1
        for row in rows_of(session, statement("postgres", "partitions")):
            delete = statement("postgres", "delete_expired").replace("{partition}", row["name"])
            while time.monotonic() < deadline:
                deleted = int(rows_of(session, delete, [_DELETED_AT_ONCE])[0]["deleted"])
                done["rows"] += deleted
                if deleted < _DELETED_AT_ONCE:
                    break
        session.execute(statement("postgres", "delete_old_bookkeeping"))
    finally:
        if session.in_transaction:
            session.execute("ROLLBACK")
        session.execute(f"SELECT pg_advisory_unlock({_RETENTION_LOCK})")
    return done
