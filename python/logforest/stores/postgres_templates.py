"""The templates table of the server store: counted and grouped behind the commits."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from logforest import _core
from logforest.errors import LogforestError, StoreError
from logforest.sql import statement
from logforest.stores.filters import Conditions
from logforest.stores.templates import MAX_EXAMPLE, MAX_TEMPLATES, regrouped, with_texts
from logforest.values import whole

if TYPE_CHECKING:
    from logforest.batch import LogBatch
    from logforest.values import When

__all__ = ["PostgresTemplates"]

log = logging.getLogger("logforest.templates")

_SEEN = 1_000_000  # fingerprints remembered as written
_HELD_COUNTS = 256  # batches, where nobody calls update_templates
_LOCK = "SELECT pg_try_advisory_xact_lock(7310, 3) AS mine"


class PostgresTemplates:
    """Mixed into :class:`logforest.stores.postgres.PostgresStore`.

    Counts are kept in memory and written every few seconds (:meth:`update_templates`): hot rows
    must not make writers wait for each other. A process that is killed loses the counts of those
    seconds; what :meth:`templates` answers is counted from the records and is exact.
    """

    _session: Any
    _transaction: Any
    _table: Any

    def _init_templates(self) -> None:
        self._seen: set[int] = set()
        self._counts: list[pa.Table] = []
        self._counts_lock = threading.Lock()

    def keep_templates(self, logs: LogBatch) -> None:
        """Note the fingerprints of records that were committed; new ones are written at once."""
        if not logs.num_rows:
            return
        table = pa.table(logs._core).select(["template_id", "timestamp", "message"])
        counts = table.group_by("template_id").aggregate(
            [("timestamp", "count"), ("timestamp", "min"), ("timestamp", "max")]
        )
        counts = counts.filter(pc.is_valid(counts["template_id"]))
        with self._counts_lock:
            self._counts.append(counts)
            full = len(self._counts) > _HELD_COUNTS
            new = [i for i in counts["template_id"].to_pylist() if i not in self._seen]
        if full:
            with contextlib.suppress(StoreError):
                self._write_counts()
        if not new:
            return
        rows = pc.index_in(
            pa.array(new, pa.int64()), value_set=table["template_id"].combine_chunks()
        )
        examples = table["message"].take(rows).to_pylist()
        texts = [_core.template_text(example) for example in examples]
        try:
            self._add_templates(new, texts, [e[:MAX_EXAMPLE] for e in examples])
        except StoreError as error:
            log.warning("templates not kept, will be tried again: %s", error)
            return
        with self._counts_lock:
            if len(self._seen) > _SEEN:
                self._seen.clear()
            self._seen.update(new)

    def _add_templates(
        self, ids: Sequence[int], texts: Sequence[str], examples: Sequence[str]
    ) -> None:
        with self._session() as session:
            session.query(
                statement("postgres", "add_templates"),
                [list(ids), list(texts), list(examples), MAX_TEMPLATES],
            )

    def update_templates(self) -> bool:
        """Write the counts and group new fingerprints; whether there was anything to do.

        One process groups at a time; where another one does, there is nothing to do.
        """
        counted = self._write_counts()
        return self._group_templates() or counted

    def _write_counts(self) -> bool:
        with self._counts_lock:
            parts, self._counts = self._counts, []
        if not parts:
            return False
        total = (
            pa.concat_tables(parts)
            .group_by("template_id")
            .aggregate(
                [("timestamp_count", "sum"), ("timestamp_min", "min"), ("timestamp_max", "max")]
            )
        )
        columns = [
            total[name].to_pylist()
            for name in (
                "template_id", "timestamp_count_sum", "timestamp_min_min", "timestamp_max_max"
            )
        ]  # fmt: skip
        columns[2:] = [[stamp.isoformat() for stamp in column] for column in columns[2:]]
        try:
            with self._session() as session:
                session.query(statement("postgres", "count_templates"), columns)
        except BaseException:
            with self._counts_lock:
                self._counts += parts
            raise
        return True

    def _group_templates(self) -> bool:
        if not self._ungrouped():
            return False
        with self._transaction() as session:
            if not pa.table(session.query(_LOCK))["mine"][0].as_py():
                return False
            rows = pa.table(
                session.query("SELECT template_id, group_id, template, example FROM templates")
            )
            columns = [rows[name].to_pylist() for name in rows.column_names]
            changed = regrouped(zip(*columns, strict=True))
            if changed:
                session.query(
                    statement("postgres", "group_templates"),
                    [list(column) for column in zip(*changed, strict=True)],
                )
        return True

    def _ungrouped(self) -> bool:
        sql = "SELECT EXISTS (SELECT FROM templates WHERE group_id IS NULL) AS any"
        with self._session() as session:
            return bool(pa.table(session.query(sql))["any"][0].as_py())

    def _refresh_templates(self) -> None:
        # Readers get an answer also where nothing can be written.
        with contextlib.suppress(LogforestError):
            self._group_templates()

    def templates(
        self,
        *,
        since: When = None,
        until: When = None,
        tenant: str | None = None,
        limit: int = 100,
    ) -> pa.Table:
        """The most frequent message templates; see :class:`logforest.stores.base.Store`."""
        limit = whole("limit", limit, 0)
        self._refresh_templates()
        c = Conditions()
        c.within(tenant, since, until)
        sql = statement("postgres", "templates").format(where=c.where, limit=limit)
        return with_texts(self._table(sql, c.parameters))
