"""Text search of the Postgres store: which records may match, then only those.

Segments (postgres_segments.py) rule out most records by filters, and most of the others by digests
of their messages. Both only spare records from the test that decides.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import StoreError
from logforest.sql import statement
from logforest.stores import postgres_segments as segments
from logforest.stores.base import LogQuery, Total
from logforest.stores.filters import Conditions, log_conditions, search_terms
from logforest.stores.postgres_digests import Digests, Hits
from logforest.stores.postgres_latest import select_page
from logforest.stores.postgres_segments import Claims, Ranges, Step, runs_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logforest._core import PgSession

__all__ = ["PostgresSearch"]

_GLANCE_ROWS = 5_000  # newest records looked at first: what is frequent fills its page there
_FIRST_ROWS = 16_384  # records of the first round; later ones read what seems to be needed
_FIRST_DIGESTS = 256  # segments whose digests are looked through first; then more at a time
_MOST_DIGESTS = 1024  # but no more than these (some 30 kB each)
_FIRST_HITS, _MOST_HITS = 250, 4_000  # records that are read one by one, first and then at a time
_HIT_COST = 4  # one is read as fast as so many in a row
_COUNT_ROWS = 50_000  # records read for a total, when segments can tell which
_NEWEST_ROWS = 15_000  # records read for a total, when nothing can be ruled out
_COUNT_MOST = 10_000  # a total of a search beyond is "at least"

# lower() of some locale makes one of these of a letter outside of ASCII, or the other way round.
_ASCII_RUN = re.compile(r"[\x01-hjl-\x7f]+")


def text_match(c: Conditions, term: str) -> str:
    """The test that decides; everything else only spares records from it.

    lower() by the rules of the locale is slow. What it makes of the letters of ASCII is what the
    quick one makes of them: most records fail already for their part of the term.
    """
    exact = f"strpos(lower(message), {c.parameter(term)}) > 0"
    plain = max(_ASCII_RUN.findall(term), key=len, default="")
    if not plain:
        return exact
    return f'(strpos(lower(message COLLATE "C"), {c.parameter(plain)}) > 0 AND {exact})'


def is_narrow(query: LogQuery) -> bool:
    """Whether segments help: not where an index has the order, as for services with levels."""
    filters = (query.level if not query.service else (), query.category, query.source)
    values = (query.tenant, query.template, query.status_min, query.status_max)
    return (
        any(filters)
        or any(value is not None for value in values)
        or bool(search_terms(query.q or ""))
    )


def _answered_by_windows(query: LogQuery) -> bool:
    """Whether whole minutes and the keys of windows are all that the query asks for."""
    others = (query.q, query.source, query.template, query.status_min, query.status_max)
    whole = all(t is None or not (t.second or t.microsecond) for t in (query.since, query.until))
    return whole and not any(x is not None and x not in ("", ()) for x in others)


def _near(c: Conditions, query: LogQuery) -> str:
    """``WHERE`` with the bounds on time only; its parameters join those of ``c``."""
    near = Conditions()
    near.parameters = c.parameters
    since, until = segments.bounds_of(query)
    if since is not None:
        near.add("timestamp >= {}", since)
    if until is not None:
        near.add("timestamp <= {}", until)
    return near.where


def _next_budget(read: int, budget: int, found: int, need: int) -> int:
    """Records to read next, going by how many were found in those read so far."""
    if not found:
        return budget * 4
    missing = max(need - found, need // 10)
    return min(max(read * missing // found * 5 // 4, _FIRST_ROWS), budget * 4)


class PostgresSearch:
    """Mixed into :class:`logforest.stores.postgres.PostgresStore`."""

    _session: Any
    _table: Any

    def _init_search(self) -> None:
        # A replica may be behind: it has its own.
        self._read_claims, self._write_claims = Claims(), Claims()
        self._digests = Digests()

    # --- pages ---------------------------------------------------------------------------

    def _search(self, query: LogQuery) -> LogBatch:
        """Records of a query that segments may help with, in its order."""
        need = None if query.limit is None else query.limit + query.offset
        with self._session(write=False) as session:
            if need is not None and (page := self._glance(session, query, need)) is not None:
                found = page
            else:
                with _snapshot(session):
                    found = self._rounds(session, query, need)
        return _slice(found, query.offset) if query.offset else found

    def _glance(self, session: PgSession, query: LogQuery, need: int) -> LogBatch | None:
        """The page, if the first records in the order of time fill it."""
        c = log_conditions(query, text_match=text_match)
        near = _near(c, query)
        order = "ASC" if query.ascending else "DESC"
        found = _run(
            session, replace(query, limit=need, offset=0), c,
            source=f"(SELECT * FROM logs {near} ORDER BY timestamp {order}, id {order} "
            f"LIMIT {_GLANCE_ROWS}) AS logs",
        )  # fmt: skip
        return found if found.num_rows == need else None

    def _rounds(self, session: PgSession, query: LogQuery, need: int | None) -> LogBatch:
        """The first ``need`` records that match, from unclaimed ids and possible segments."""
        reading = _Reading(session, replace(query, limit=need, offset=0))
        reading.ranges(self._read_claims.unclaimed(session))
        terms = [term.lower() for term in search_terms(query.q or "")]
        telling = _core.search_tells(terms)
        budget, read, digests = _FIRST_ROWS, 0, _FIRST_DIGESTS
        for step in segments.steps(session, query, segments.candidates_of(session, query)):
            begin = 0
            while begin < len(step):
                # Without a limit everything is wanted: no reason to go step by step.
                end = min(begin + digests, len(step)) if telling else len(step)
                hits: Hits = [None] * (end - begin)
                if telling:
                    hits = self._digests.hits(session, terms, step, begin, end)
                cost = step.rows[begin:end].copy()
                for i, some in enumerate(hits):
                    if some is not None:
                        cost[i] = len(some) * _HIT_COST
                until = np.cumsum(cost) + read
                at = 0
                while at < len(cost):
                    stop = len(cost)
                    if need is not None:
                        stop = min(int(np.searchsorted(until, read + budget)) + 1, stop)
                    reading.part(step, begin, hits, at, stop)
                    at, read = stop, int(until[stop - 1])
                    next_edge = step.edge[begin + at] if begin + at < len(step) else step.after
                    if next_edge is None or reading.full(int(next_edge)):
                        return reading.found()
                    budget = _next_budget(read, budget, reading.rows, need or 0)
                begin, digests = end, min(digests * 2, _MOST_DIGESTS)
            if step.after is not None and reading.full(step.after):
                break
        return reading.found()

    # --- totals --------------------------------------------------------------------------

    def total(self, query: LogQuery) -> Total:
        """How many records match, or how many at least, in bounded time."""
        query = replace(query, cursor=None, offset=0, ascending=False)
        if (
            _answered_by_windows(query)
            and not self._table("SELECT 1 AS one FROM retention_rules LIMIT 1").num_rows
        ):
            c = log_conditions(query, text_match=text_match, time_column="window_start")
            sql = f"SELECT coalesce(sum(count), 0)::bigint AS n FROM windows {c.where}"
            return Total(int(self._table(sql, c.parameters)["n"][0].as_py()))
        with self._session(write=False) as session, _snapshot(session):
            runs: list[bytes] = []
            possible = looked = 0
            exact = True
            for step in segments.steps(session, query, segments.candidates_of(session, query)):
                until = possible + np.cumsum(step.rows)
                end = int(np.searchsorted(until, _COUNT_ROWS))
                runs += step.runs[:end]
                possible, looked = possible + int(step.rows.sum()), looked + step.looked
                if possible > _COUNT_ROWS:
                    exact = False
                    break
            if not exact and possible * 2 > looked:
                return self._newest_total(session, query)
            ranges = self._read_claims.unclaimed(session)
            ranges += [(int(a), int(b)) for a, b in runs_of(runs)]
            c = log_conditions(query, text_match=text_match)
            c.parts.append(segments.id_condition(segments.join_ranges(ranges)))
            sql = (
                f"SELECT count(*) AS n FROM (SELECT 1 FROM logs {c.where} "
                f"LIMIT {_COUNT_MOST + 1}) AS found"
            )
            session.execute(segments.BY_ID)
            n = int(pa.table(session.query(sql, c.parameters))["n"][0].as_py())
        if n > _COUNT_MOST:
            return Total(_COUNT_MOST, exact=False)
        return Total(n, exact=exact)

    def _newest_total(self, session: PgSession, query: LogQuery) -> Total:
        """How many of the newest records match."""
        c = log_conditions(query, text_match=text_match)
        condition = " AND ".join(c.parts) or "true"
        near = _near(c, query)
        counted = pa.table(
            session.query(
                f"SELECT count(*) FILTER (WHERE {condition}) AS n, count(*) AS looked FROM "
                f"(SELECT * FROM logs {near} ORDER BY timestamp DESC LIMIT {_NEWEST_ROWS}) AS logs",
                c.parameters,
            )
        ).to_pylist()[0]
        return Total(counted["n"], exact=counted["looked"] < _NEWEST_ROWS)

    # --- upkeep --------------------------------------------------------------------------

    def cover(self) -> int:
        """Write the segments of records that were committed without; returns how many records.

        One process at a time; others return 0.
        """
        with self._session() as session:
            if not _true(session, "SELECT pg_try_advisory_lock(7310, 3) AS v"):
                return 0
            try:
                session.query(statement("postgres", "summarize_ids"))
                covered = segments.cover(session, self._write_claims)
                session.execute("COMMIT")
                return covered
            finally:
                if session.in_transaction:
                    session.execute("ROLLBACK")
                session.query("SELECT pg_advisory_unlock(7310, 3)")


class _Reading:
    """What was found so far of one query, in its order, and the statements that find more."""

    def __init__(self, session: PgSession, query: LogQuery) -> None:
        self._session = session
        self._query = query  # its limit is all that is needed, without an offset
        self._sign = 1 if query.ascending else -1
        self._found: LogBatch | None = None

    @property
    def rows(self) -> int:
        return 0 if self._found is None else self._found.num_rows

    def found(self) -> LogBatch:
        """All that was found; something must have been read."""
        assert self._found is not None
        return self._found

    def full(self, edge: int) -> bool:
        """Whether nothing at or behind ``edge`` in the order can be among the needed any more."""
        need = self._query.limit
        if need is None or self.rows < need:
            return False
        if not need:
            return True
        last = pa.table(self.found()._core)["timestamp"][need - 1].value
        return bool(self._sign * last < edge)

    def part(
        self,
        step: Step,
        begin: int,
        hits: Sequence[NDArray[np.int64] | None],
        at: int,
        stop: int,
    ) -> None:
        """Read segments ``begin + at`` to ``begin + stop`` of a step: hits, or where None all."""
        whole = [step.runs[begin + i] for i in range(at, stop) if hits[i] is None]
        if whole:
            self.ranges([(int(a), int(b)) for a, b in runs_of(whole)])
        single = [some for some in hits[at:stop] if some is not None and len(some)]
        if single:
            self._hits(np.concatenate(single))

    def ranges(self, ranges: Ranges) -> None:
        """Read the records of some ranges of ids."""
        if not ranges:
            return
        c = log_conditions(self._query, text_match=text_match)
        c.parts.append(segments.id_condition(segments.join_ranges(ranges)))
        with _plan(self._session, segments.BY_ID):
            self._read(c)

    def _hits(self, hits: NDArray[np.int64]) -> None:
        """Read single records (time, id, ...), those that come first in the order first."""
        hits = hits[np.argsort(self._sign * hits[:, 0], kind="stable")]
        at, size = 0, _FIRST_HITS
        while at < len(hits) and not self.full(self._sign * int(hits[at, 0])):
            some = hits[at : at + size]
            times = np.datetime_as_string(some[:, 0].astype("datetime64[us]"), timezone="UTC")
            c = log_conditions(self._query, text_match=text_match)
            # Not an id that an index knows: times find a record faster.
            c.add(
                "timestamp = ANY ({}::timestamptz[]) AND id + 0 = ANY ({}::bigint[])",
                times.tolist(), some[:, 1].tolist(),
            )  # fmt: skip
            with _plan(self._session, "SET LOCAL enable_seqscan = off"):
                self._read(c)
            at, size = at + size, min(size * 4, _MOST_HITS)

    def _read(self, c: Conditions) -> None:
        more = _run(self._session, self._query, c)
        if self._found is None:
            self._found = more
        elif more.num_rows:
            self._found = _merge(self._found, more, self._query.ascending, self._query.limit)


@contextlib.contextmanager
def _plan(session: PgSession, settings: str) -> Iterator[None]:
    """Settings of the planner for some statements of a transaction."""
    session.execute(settings)
    yield  # after an error the transaction is lost with them
    session.execute("SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = on")


@contextlib.contextmanager
def _snapshot(session: PgSession) -> Iterator[None]:
    """One snapshot for all statements: segments are seen together with the records they claim."""
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off")
    try:
        yield
    finally:
        with contextlib.suppress(StoreError):
            session.execute("ROLLBACK")  # nothing was written


def _run(
    session: PgSession, query: LogQuery, conditions: Conditions, *, source: str = "logs"
) -> LogBatch:
    sql = select_page(query, conditions.where, source)
    return LogBatch._from_core(session.query_logs(sql, conditions.parameters))


def _merge(a: LogBatch, b: LogBatch, ascending: bool, limit: int | None) -> LogBatch:
    table = pa.concat_tables(
        [pa.table(a._core), pa.table(b._core)], promote_options="permissive"
    ).unify_dictionaries()
    way = "ascending" if ascending else "descending"
    order = pc.sort_indices(table, [("timestamp", way), ("id", way)])
    sorted_ids = table["id"].take(order).to_numpy()
    # An id is read twice where joined ranges of two rounds overlap.
    fresh = np.ones(len(sorted_ids), dtype=bool)
    fresh[1:] = sorted_ids[1:] != sorted_ids[:-1]
    rows = order.to_numpy()[fresh][:limit]
    return LogBatch._from_core(_core.LogBatch.from_arrow(table.take(rows).combine_chunks()))


def _slice(logs: LogBatch, offset: int) -> LogBatch:
    if offset >= logs.num_rows:
        return logs.head(0)
    table = pa.table(logs._core).slice(offset)
    return LogBatch._from_core(_core.LogBatch.from_arrow(table.combine_chunks()))


def _true(session: PgSession, sql: str) -> bool:
    return bool(pa.table(session.query(sql))["v"][0].as_py())
