"""The templates table of the embedded store: counted and grouped behind the commits."""

from __future__ import annotations

import contextlib
import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from logforest.errors import StoreError
from logforest.sql import statement
from logforest.stores.duckdb_file import DuckDBFile, run
from logforest.stores.filters import Conditions
from logforest.stores.templates import MAX_EXAMPLE, MAX_TEMPLATES, regrouped, with_texts
from logforest.values import whole

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.values import When

__all__ = ["DuckDBTemplates"]

_STEP = 2_000_000  # records counted in one transaction


class DuckDBTemplates:
    """Keeps ``templates`` in step with ``logs``.

    Parameters
    ----------
    file
        The database.
    writing
        Held while something is written: one writer at a time.
    """

    def __init__(self, file: DuckDBFile, writing: AbstractContextManager[object]) -> None:
        self._file = file
        self._writing = writing
        self._updating = threading.Lock()

    def update(self) -> bool:
        """Count the records committed since the last call and group new fingerprints.

        Counts and the position are one transaction: nothing is counted twice or left out,
        whenever the process ends. Commits wait for that transaction only, not for the mining.
        Returns whether there was anything to do.
        """
        with self._updating:
            # What is committed meanwhile waits for the next call: under load it never ends.
            last = self._number("SELECT coalesce(max(id), 0) FROM logs")
            busy = False
            while self._count(last):
                busy = True
            return self._group() or busy

    def refresh(self) -> None:
        """:meth:`update` for readers, who get an answer also when nothing can be written."""
        with contextlib.suppress(StoreError):
            self.update()

    def _count(self, last: int) -> bool:
        position = self._number("SELECT value FROM progress WHERE name = 'templates_id'")
        until = min(last, position + _STEP)
        if until <= position:
            return False
        room = MAX_TEMPLATES - self._number("SELECT count(*) FROM templates")
        with self._file.errors():
            cursor = self._file.cursor()
            run(cursor, statement("duckdb", "template_counts"), [position, until])
            run(cursor, statement("duckdb", "template_new"), [max(0, room), MAX_EXAMPLE])
        with self._writing, self._file.transaction() as cursor:
            run(cursor, statement("duckdb", "template_update"))
            run(cursor, "INSERT INTO templates BY NAME FROM template_new")
            run(cursor, statement("duckdb", "set_progress"), ["templates_id", until])
        return True

    def _group(self) -> bool:
        if not self._number("SELECT count(*) FROM templates WHERE group_id IS NULL"):
            return False
        with self._file.errors():
            rows = run(
                self._file.cursor(),
                "SELECT template_id, group_id, template, example FROM templates",
            )
        changed = regrouped((row[0], row[1], row[2], row[3]) for row in rows)
        with self._writing, self._file.transaction() as cursor:
            run(
                cursor,
                statement("duckdb", "template_groups"),
                [list(column) for column in zip(*changed, strict=True)],
            )
        return True

    def _number(self, sql: str) -> int:
        row = self._file.row(sql)
        return int(row[0]) if row else 0

    def table(self, since: When, until: When, tenant: str | None, limit: int) -> pa.Table:
        """The most frequent templates of the records of a span."""
        limit = whole("limit", limit, 0)
        c = Conditions()
        c.within(tenant, since, until)
        sql = statement("duckdb", "templates").format(where=c.where, limit=limit)
        return with_texts(self._file.query(sql, c.parameters))
