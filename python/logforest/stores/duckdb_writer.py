"""How blocks get into the DuckDB file: one connection whose plans are made once.

A commit of a hundred records costs less than making the plan of its INSERT, or the view that
names its source. So both are made once and the view's source is changed before each commit.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import duckdb

from logforest import _core
from logforest.sql import statement
from logforest.stores.duckdb_file import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logforest.stores.base import Block
    from logforest.stores.duckdb_backlog import Position, Within
    from logforest.stores.duckdb_file import DuckDBFile

__all__ = ["Writer", "insert_from"]


def insert_from(
    cursor: duckdb.DuckDBPyConnection, view: str, source: object, sql: str, *parameters: object
) -> int:
    """Run ``sql``, which reads an Arrow stream under the name ``view``; how many rows went in."""
    cursor.register(view, source)
    try:
        rows = run(cursor, statement("duckdb", sql), parameters)
    finally:
        with contextlib.suppress(duckdb.Error):  # it would hide why the transaction failed
            cursor.unregister(view)
    return int(rows[0][0]) if rows else 0


class _Source:
    """What a view reads now; always of one schema, which the plans rely on."""

    def __init__(self, first: Any) -> None:
        self.current = first

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.current.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return getattr(self.current, "schema", self.current).__arrow_c_schema__()


class Writer:
    """Commits blocks; the caller sees to it that one thread at a time does so.

    Parameters
    ----------
    file
        An open file; the writer has a connection of its own to it.
    """

    def __init__(self, file: DuckDBFile) -> None:
        self._file = file
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._generation = 0  # of the file, when the cursor was made
        self._no_logs = _core.LogBatch()
        self._logs = _Source(self._no_logs)
        self._windows: _Source | None = None

    def commit(
        self,
        blocks: Sequence[Block],
        applied: Position | None = None,
        within: Within | None = None,
    ) -> None:
        """All blocks in one durable transaction, or none and an error.

        ``applied``: how far the tables are with that in the journal. ``within``: what it
        makes is entered for the COMMIT alone.
        """
        with self._file.errors():
            try:
                cursor = self._ready()
                script = "BEGIN;"
                if applied is not None:
                    script += f"EXECUTE commit_applied({applied[0]}, {applied[1]});"
                for i, block in enumerate(blocks):
                    script += self._plans_for(cursor, block)
                    if i == len(blocks) - 1 and within is None and not _has_extras(block):
                        script += "COMMIT;"  # one call: nothing else runs in between
                    run(cursor, script)
                    script = ""
                    _insert_extras(cursor, block)
                if within is not None or not blocks or _has_extras(blocks[-1]):
                    with within() if within is not None else contextlib.nullcontext():
                        run(cursor, script + "COMMIT")
            except BaseException:
                # Rolls back; and whatever went wrong, the next commit makes its plans afresh.
                self.close()
                raise
            finally:
                self._logs.current = self._no_logs
                if self._windows is not None:
                    self._windows.current = self._windows.current.slice(0, 0)

    def close(self) -> None:
        """Roll back what is open and let go of the connection; the next commit makes another."""
        cursor, self._cursor, self._windows = self._cursor, None, None
        if cursor is not None:
            with contextlib.suppress(duckdb.Error):
                cursor.execute("ROLLBACK")
            with contextlib.suppress(duckdb.Error):
                cursor.close()

    def _ready(self) -> duckdb.DuckDBPyConnection:
        if self._cursor is not None and self._generation != self._file.generation:
            self.close()
        if self._cursor is None:
            self._cursor = self._file.new_cursor()
            self._generation = self._file.generation
            self._prepare(self._cursor, "logs", self._logs)
            run(self._cursor, "PREPARE commit_applied AS " + statement("duckdb", "commit_applied"))
        return self._cursor

    def _plans_for(self, cursor: duckdb.DuckDBPyConnection, block: Block) -> str:
        """Point the views to this block; the statements that then insert it."""
        script = ""
        if block.logs.num_rows:
            self._logs.current = block.logs._core
            script += "EXECUTE commit_logs;"
        if block.windows is not None and block.windows.num_rows:
            schema = block.windows.schema
            if self._windows is None or self._windows.current.schema != schema:
                if self._windows is not None:
                    run(cursor, "DEALLOCATE commit_windows")
                    cursor.unregister("incoming_windows")
                self._windows = _Source(block.windows)
                self._prepare(cursor, "windows", self._windows)
            self._windows.current = block.windows
            script += "EXECUTE commit_windows;"
        return script

    @staticmethod
    def _prepare(cursor: duckdb.DuckDBPyConnection, what: str, source: _Source) -> None:
        cursor.register(f"incoming_{what}", source)
        run(cursor, f"PREPARE commit_{what} AS " + statement("duckdb", f"commit_{what}"))


def _has_extras(block: Block) -> bool:
    return bool(block.receipts or block.logs._core.counts["rejected"])


def _insert_extras(cursor: duckdb.DuckDBPyConnection, block: Block) -> None:
    core = block.logs._core
    if core.counts["rejected"]:
        insert_from(cursor, "incoming_rejects", core.rejected(), "commit_rejects", block.key)
    for r in block.receipts:
        run(
            cursor,
            statement("duckdb", "commit_receipt"),
            [r.key, r.digest, r.first_id, r.records, r.rejected, r.answer],
        )
