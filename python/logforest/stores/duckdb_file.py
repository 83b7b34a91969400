"""The DuckDB file itself: opening, who holds it, connections per thread, errors."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from logforest.errors import ConfigError, StoreError
from logforest.sql import statement

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DuckDBFile", "run"]

SCHEMA_VERSION = 1
# Commits must never stop to fold the log into the file on their own account: DuckDB's default of
# 16 MB costs 0.4 s in the middle of a commit. DuckDBFile.checkpoint() decides when instead.
_NEVER = "1TB"
_MOST_THREADS = 8


def _store_error(message: str, *, retryable: bool = False, code: str = "") -> StoreError:
    error = StoreError(message)
    error.retryable = retryable
    error.code = code
    return error


def run(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> list[tuple[Any, ...]]:
    """Run a statement and read its result to the end: an unread one blocks the connection."""
    rows: list[tuple[Any, ...]] = connection.execute(sql, list(parameters)).fetchall()
    return rows


class DuckDBFile:
    """One open DuckDB database; a cursor for each thread.

    Parameters
    ----------
    path
        The file, or ``":memory:"``.
    memory_limit
        What DuckDB may keep in memory, as ``"512MB"``.
    """

    def __init__(self, path: str, *, memory_limit: str = "512MB") -> None:
        self.path = path
        self._folder = os.path.dirname(os.path.abspath(path))
        self._local = threading.local()
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "enable_external_access": "false",
            "python_enable_replacements": "false",
            "checkpoint_threshold": _NEVER,
            "threads": 1,  # see all_cores()
            # A page is found by its times and ids alone; other columns are read for its rows only.
            "late_materialization_max_rows": 10_001,
        }
        self._cores = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
        self._cores_lock = threading.Lock()
        self._cores_users = 0
        self.generation = 0  # grows when the database is opened again: older cursors are closed
        self._broken = False
        self._reopening = threading.Lock()
        self._closed = False
        self._connection = self._connect()

    @property
    def in_memory(self) -> bool:
        return self.path == ":memory:"

    def _connect(self) -> duckdb.DuckDBPyConnection:
        if not self.in_memory:
            parent = Path(self.path).resolve().parent
            if not parent.is_dir():
                raise _store_error(
                    f"{self.path}: the folder {parent} does not exist; make it first"
                )
        try:
            connection = duckdb.connect(self.path, config=self._config)
        except duckdb.Error as error:
            raise self._open_error(error) from None
        connection.execute("SET timezone = 'UTC'")
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        tables = {row[0] for row in run(connection, "SELECT table_name FROM duckdb_tables()")}
        if not tables:
            connection.execute("BEGIN")
            connection.execute(statement("duckdb", "schema"))
            connection.execute(statement("duckdb", "templates_schema"))
            connection.execute(statement("duckdb", "journal_schema"))
            connection.execute("COMMIT")
            return
        if not {"logs", "progress"} <= tables:
            raise ConfigError(f"{self.path} is a DuckDB file of something else, not a log store")
        rows = run(connection, "SELECT value FROM progress WHERE name = 'schema_version'")
        found = rows[0][0] if rows else None
        if found != SCHEMA_VERSION:
            raise ConfigError(
                f"{self.path} has tables of version {found}; this logforest reads {SCHEMA_VERSION}"
            )
        for name in ("templates", "journal"):
            if name not in tables:
                connection.execute("BEGIN")
                connection.execute(statement("duckdb", f"{name}_schema"))
                connection.execute("COMMIT")
        if not run(connection, statement("duckdb", "rejects_have_file")):
            connection.execute(statement("duckdb", "add_rejects_file"))
        if not run(connection, statement("duckdb", "journal_has_rows")):
            connection.execute(statement("duckdb", "add_journal_rows"))

    def _open_error(self, error: duckdb.Error) -> StoreError:
        text = str(error)
        held = re.search(r"Conflicting lock is held in (.*?) ?\(PID (\d+)\)", text, re.S)
        if held is not None:
            pid = int(held.group(2))
            url = self._owner_url(pid)
            hint = f"use --url {url}" if url else "use --url http://HOST:PORT of its server"
            return _store_error(
                f"{self.path} is held by process {pid} ({held.group(1).strip()}); "
                f"{hint}, or stop that process first",
                code="held",
            )
        if "Could not set lock" in text:
            return _store_error(
                f"{self.path} is held by another process; use --url http://HOST:PORT of its "
                "server, or stop that process first",
                code="held",
            )
        first = text.splitlines()[0]
        return _store_error(f"cannot open {self.path}: {first}")

    # --- who serves this file ------------------------------------------------------------

    @property
    def _owner_file(self) -> Path:
        return Path(self.path + ".owner")

    def announce(self, url: str) -> None:
        """Leave word which address serves this file, for processes that find it held."""
        if not self.in_memory:
            self._owner_file.write_text(json.dumps({"pid": os.getpid(), "url": url}), "utf-8")

    def _owner_url(self, pid: int) -> str | None:
        try:
            owner = json.loads(self._owner_file.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        url = owner.get("url") if isinstance(owner, dict) and owner.get("pid") == pid else None
        return url if isinstance(url, str) else None

    # --- use -----------------------------------------------------------------------------

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own connection to the database."""
        local = self._local
        if self._closed or self._broken or getattr(local, "generation", -1) != self.generation:
            local.cursor, local.generation = self.new_cursor(), self.generation
        found: duckdb.DuckDBPyConnection = local.cursor
        return found

    def new_cursor(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the database, whoever has one already."""
        if self._closed:
            raise _store_error(f"{self.path} is closed")
        self.reopen()
        cursor = self._connection.cursor()
        cursor.execute("SET timezone = 'UTC'")
        return cursor

    @contextlib.contextmanager
    def all_cores(self) -> Iterator[None]:
        """While this lasts DuckDB works with all cores: for statements that read many rows.

        At other times it has one thread: to wake others costs a small commit as much as the
        commit itself, and a large one gains nothing from them.
        """
        with self._cores_lock:
            self._cores_users += 1
            if self._cores_users == 1:
                self._set_threads(self._cores)
        try:
            yield
        finally:
            with self._cores_lock:
                self._cores_users -= 1
                if self._cores_users == 0:
                    self._set_threads(1)

    def _set_threads(self, count: int) -> None:
        if self._cores > 1 and not self._closed:
            with self.errors():
                self.cursor().execute(f"SET threads = {count}")

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query; the result as an Arrow table."""
        with self.errors():
            return self.cursor().sql(sql, params=list(parameters)).to_arrow_table()

    def row(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """Run a query; its first row."""
        with self.errors():
            rows = run(self.cursor(), sql, parameters)
            return rows[0] if rows else None

    def begin_reading(self) -> None:
        """Until :meth:`end_reading` this thread sees the tables as they are now."""
        # It is the first look at a table that counts, not the BEGIN.
        sql = "BEGIN TRANSACTION READ ONLY; SELECT 1 FROM progress LIMIT 0"
        try:
            with self.errors():
                run(self.cursor(), sql)
        except StoreError as error:
            if error.code != "fatal":
                raise
            with self.errors():  # what somebody's failed write closed is opened again
                run(self.cursor(), sql)

    def end_reading(self) -> None:
        """Let go of what :meth:`begin_reading` held, if it got that far; opens nothing again."""
        cursor = getattr(self._local, "cursor", None)
        if cursor is not None:
            with contextlib.suppress(duckdb.Error):
                cursor.execute("ROLLBACK")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One durable transaction; rolled back on any error."""
        with self.errors():
            cursor = self.cursor()
            cursor.execute("BEGIN")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    cursor.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn DuckDB's errors into ours. Where DuckDB gave up on the open database (not on the
        file), whoever comes next opens it again."""
        generation = self.generation
        try:
            yield
        except (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException) as error:
            raise ConfigError(f"SQL: {str(error).splitlines()[0]}") from None
        except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
            raise ConfigError(f"SQL: {str(error).splitlines()[0]}") from None
        except duckdb.Error as error:
            # No connection: opening it again failed the last time.
            gone = isinstance(error, (duckdb.FatalException, duckdb.ConnectionException))
            if gone and generation == self.generation:
                self._broken = True
            raise self._failure(error, gone=gone) from error
        except RuntimeError as error:
            if "Query interrupted" in str(error):  # what DuckDB makes of Ctrl-C
                raise KeyboardInterrupt from None
            raise

    def _failure(self, error: duckdb.Error, *, gone: bool) -> StoreError:
        text = str(error).splitlines()[0]
        if "No space left" in text or "File too large" in text or "quota" in text.lower():
            return _store_error(
                f"{self.path}: the disk is full ({text}); free space, nothing was acknowledged",
                retryable=True,
                code="disk_full",
            )
        code = "fatal" if gone and not self._closed else ""
        return _store_error(f"{self.path}: {text}", retryable=True, code=code)

    def reopen(self) -> None:
        """Start afresh from the file, if an error has invalidated the open database."""
        if not self._broken:
            return
        with self._reopening:
            if self._broken:
                with contextlib.suppress(duckdb.Error):
                    self._connection.close()
                with self.errors():
                    self._connection = self._connect()
                self.generation += 1
                self._broken = False

    @property
    def wal_bytes(self) -> int:
        """Bytes committed but not yet folded into the file."""
        try:
            return os.path.getsize(self.path + ".wal")
        except OSError:
            return 0

    @property
    def room(self) -> int:
        """Bytes that are free, but for what folding the log may take: as much again as it has."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize - self.wal_bytes

    def checkpoint(self) -> None:
        """Fold the log into the file; commits wait meanwhile."""
        with self.errors():
            run(self.cursor(), "CHECKPOINT")

    def close(self) -> None:
        """Close; the log is folded into the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError):
            if not self.in_memory and self._owner_url(os.getpid()) is not None:
                self._owner_file.unlink()
        self._local = threading.local()  # lets go of the cursors of all threads
        self._local = threading.local()  # lets go of the cursors of all threads
        self._connection.close()
        del self._connection
