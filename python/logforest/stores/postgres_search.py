"""Text search of the Postgres store: which segments may match, then only their records.

The table ``log_segments`` says for some thousand records each which ids they have and, by a filter,
which text cannot be in them. Records whose ids no segment claims are always read. So what is found
is exact, whatever segments there are; see docs/search.md for why it is done this way.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import StoreError
from logforest.sql import statement
from logforest.stores.base import LogQuery, Total
from logforest.stores.filters import (
    CATEGORIES,
    LEVELS,
    Conditions,
    decode_cursor,
    from_us,
    log_conditions,
    one_of,
    search_terms,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logforest._core import PgSession

__all__ = ["SEGMENT_ROWS", "PostgresSearch"]

SEGMENT_ROWS = 2048  # records of one segment
LEAST_ROWS = 1024  # smaller commits leave their records to cover()
_PROBES = 10  # grams looked up a term: more rule out hardly more
_GLANCE_ROWS = 5_000  # newest records looked at first: what is frequent fills its page there
_FIRST_ROWS = 16_384  # records of the first round; later ones read what seems to be needed
_MOST_RANGES = 128  # of ids in one statement
_MOST_FINGERPRINTS = 16  # of a template that are looked up
_NEAR_IDS = 500  # reading these is cheaper than another range
_COUNT_ROWS = 50_000  # records read for a total, when segments can tell which
_NEWEST_ROWS = 15_000  # records read for a total, when nothing can be ruled out
_COUNT_MOST = 10_000  # a total of a search beyond is "at least"
_COVER_ROWS = 65_536  # records read at a time to make up for missing segments,
_COVER_TIMES = 16  # and how often in one transaction

Ranges = list[tuple[int, int]]
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


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


@dataclass(frozen=True, slots=True)
class Segments:
    """The directory as of now: what may match, and what no segment claims."""

    low: NDArray[np.int64]  # us; of those that may match
    high: NDArray[np.int64]
    rows: NDArray[np.int64]
    runs: list[bytes]
    uncovered: Ranges
    covered_rows: int

    @property
    def possible_rows(self) -> int:
        return int(self.rows.sum())


def runs_of(parts: Sequence[bytes]) -> NDArray[np.int64]:
    """Runs of ids, [n, 2], ascending, touching ones joined."""
    raw = b"".join(part for part in parts if len(part) % 16 == 0)
    runs = np.frombuffer(raw, "<i8").reshape(-1, 2)
    runs = runs[runs[:, 0].argsort(kind="stable")]
    if not len(runs):
        return runs
    ends = np.maximum.accumulate(runs[:, 1])
    begins = np.flatnonzero(np.concatenate(([True], runs[1:, 0] > ends[:-1] + 1)))
    lasts = np.concatenate((begins[1:] - 1, [len(runs) - 1]))
    return np.column_stack((runs[begins, 0], ends[lasts]))


def gaps_of(runs: NDArray[np.int64]) -> Ranges:
    """The ids that are in none of the (joined) runs."""
    if not len(runs):
        return [(_LOWEST, _HIGHEST)]
    inner = zip((runs[:-1, 1] + 1).tolist(), (runs[1:, 0] - 1).tolist(), strict=True)
    return [(_LOWEST, int(runs[0, 0]) - 1), *inner, (int(runs[-1, 1]) + 1, _HIGHEST)]


def join_ranges(ranges: Ranges, most: int) -> Ranges:
    """At most ``most`` ranges that hold all of ``ranges``: the nearest ones are joined."""
    ranges = sorted(ranges)
    gaps = sorted(b[0] - a[1] for a, b in itertools.pairwise(ranges))
    near = max(gaps[-most] if len(gaps) >= most else 1, _NEAR_IDS)
    joined: Ranges = []
    for first, last in ranges:
        if joined and first - joined[-1][1] <= near:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _id_condition(ranges: Ranges) -> str:
    parts = []
    for first, last in ranges:
        if first == _LOWEST and last == _HIGHEST:
            return "true"
        if first == _LOWEST:
            parts.append(f"id <= {last}")
        elif last == _HIGHEST:
            parts.append(f"id >= {first}")
        else:
            parts.append(f"id BETWEEN {first} AND {last}")
    return f"({' OR '.join(parts)})" if parts else "false"


def _probe(probe: tuple[int, int]) -> str:
    """Whether a segment has the bits of a probe; the numbers are those of search/segment.hpp."""
    number, bits = probe
    place = f"(({number}::bigint * salt >> 20 & 2147483647) * words >> 31)::integer"
    word = f"('x' || encode(substring(filter FROM {place} * 8 + 1 FOR 8), 'hex'))::bit(64)::bigint"
    return f"{word} & {bits} = {bits}"


def _values(query: LogQuery, templates: Sequence[int]) -> list[str]:
    """What segments say about the other filters of a query.

    ``templates`` are the fingerprints that stand for its template, if they are few.
    """
    wanted: dict[str, Sequence[object]] = {
        "level": one_of("level", query.level, LEVELS),
        "category": one_of("category", query.category, CATEGORIES),
        "service": query.service,
        "source": query.source,
        "tenant": () if query.tenant is None else (query.tenant,),
        "template": templates,
    }
    if query.status_min is not None or query.status_max is not None:
        first = 0 if query.status_min is None else min(max(query.status_min // 100, 0), 9)
        last = 9 if query.status_max is None else min(max(query.status_max // 100, 0), 9)
        if first > 0 or last < 9:
            wanted["status"] = range(first, last + 1)
    out = []
    for column, values in wanted.items():
        if values:
            any_of = [
                " AND ".join(map(_probe, _core.value_probes(column, str(value))))
                for value in values
            ]
            out.append(f"({' OR '.join(any_of)})")
    return out


def is_narrow(query: LogQuery) -> bool:
    """Whether segments help: not for the newest of all or of a service, which have an index."""
    filters = (query.level, query.category, query.source)
    values = (query.tenant, query.template, query.status_min, query.status_max)
    return (
        any(filters)
        or any(value is not None for value in values)
        or bool(search_terms(query.q or ""))
    )


def _bounds(query: LogQuery) -> tuple[datetime | None, datetime | None]:
    """Time from and to (both possible) of what a page of the query can hold."""
    since, until = query.since, query.until
    if query.cursor:
        at = from_us(decode_cursor(query.cursor)[0])
        if query.ascending:
            since = at if since is None else max(at, since)
        else:
            until = at if until is None else min(at, until)
    return since, until


def _answered_by_windows(query: LogQuery) -> bool:
    """Whether whole minutes and the keys of windows are all that the query asks for."""
    others = (query.q, query.source, query.template, query.status_min, query.status_max)
    whole = all(t is None or not (t.second or t.microsecond) for t in (query.since, query.until))
    return whole and not any(x is not None and x not in ("", ()) for x in others)


def _near(c: Conditions, query: LogQuery) -> str:
    """``WHERE`` with the bounds on time only; its parameters join those of ``c``."""
    near = Conditions()
    near.parameters = c.parameters
    since, until = _bounds(query)
    if since is not None:
        near.add("timestamp >= {}", since)
    if until is not None:
        near.add("timestamp <= {}", until)
    return near.where


def _fingerprints(session: PgSession, query: LogQuery) -> Sequence[int]:
    """Of the template that a query asks for; none if they are too many to look up."""
    if query.template is None:
        return ()
    group = pa.table(
        session.query(
            "SELECT m.template_id AS id FROM templates g JOIN templates m USING (group_id) "
            f"WHERE g.template_id = $1 LIMIT {_MOST_FINGERPRINTS}",
            [query.template],
        )
    )["id"].to_pylist()
    return () if len(group) == _MOST_FINGERPRINTS else [*group, query.template]


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

    # --- pages ---------------------------------------------------------------------------

    def _search(self, query: LogQuery) -> LogBatch:
        """Records of a query that segments may help with, in its order."""
        need = None if query.limit is None else query.limit + query.offset
        with self._session(write=False) as session:
            if need is not None and (page := self._glance(session, query, need)) is not None:
                found = page
            else:
                found = self._rounds(session, query, self._segments(session, query), need)
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

    def _rounds(
        self, session: PgSession, query: LogQuery, segments: Segments, need: int | None
    ) -> LogBatch:
        """The first ``need`` records that match, from unclaimed ids and possible segments."""
        sign = 1 if query.ascending else -1
        edge = segments.low if query.ascending else -segments.high
        order = np.argsort(edge, kind="stable")
        edge = edge[order]
        until = np.cumsum(segments.rows[order])
        plain = replace(query, limit=need, offset=0)
        ranges = segments.uncovered
        at, budget, found = 0, _FIRST_ROWS, None
        while True:
            # Without a limit everything is wanted: no reason to go step by step.
            read = int(until[at - 1]) if at else 0
            end = len(order) if need is None else int(np.searchsorted(until, read + budget)) + 1
            part = [segments.runs[i] for i in order[at:end]]
            ranges = ranges + [(int(a), int(b)) for a, b in runs_of(part)]
            if ranges:
                c = log_conditions(query, text_match=text_match)
                c.parts.append(_id_condition(join_ranges(ranges, _MOST_RANGES)))
                more = _run(session, plain, c, by_id=True)
                found = more if found is None else _merge(found, more, query.ascending, need)
            assert found is not None  # ids below the first and above the last are unclaimed
            at, ranges = end, []
            if at >= len(order):
                return found
            if need is not None and found.num_rows >= need:
                last = pa.table(found._core)["timestamp"][need - 1].value if need else 0
                if not need or sign * last < edge[at]:
                    return found  # all that is left comes later in the order
            budget = _next_budget(int(until[at - 1]), budget, found.num_rows, need or 0)

    # --- the directory -------------------------------------------------------------------

    def _segments(self, session: PgSession, query: LogQuery) -> Segments:
        may: list[str] = []
        parameters: list[object] = []
        since, until = _bounds(query)
        if since is not None:
            parameters.append(since)
            may.append(f"max_time >= ${len(parameters)}")
        if until is not None:
            parameters.append(until)
            may.append(f"min_time <= ${len(parameters)}")
        may += _values(query, _fingerprints(session, query))
        for term in search_terms(query.q or ""):
            may += [_probe(probe) for probe in _core.search_probes(term.lower(), _PROBES)]
        sql = statement("postgres", "select_segments").format(may=" AND ".join(may) or "true")
        table = pa.table(session.query(sql, parameters))
        possible = table.filter(table["may"])
        stamps = [possible[n].cast(pa.int64()).to_numpy() for n in ("min_time", "max_time")]
        return Segments(
            low=stamps[0],
            high=stamps[1],
            rows=possible["rows"].to_numpy().astype(np.int64),
            runs=possible["ids"].to_pylist(),
            uncovered=gaps_of(runs_of(table["ids"].to_pylist())),
            covered_rows=int(pc.sum(table["rows"]).as_py() or 0),
        )

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
        with self._session(write=False) as session:
            segments = self._segments(session, query)
            order = np.argsort(-segments.high, kind="stable")
            end = int(np.searchsorted(np.cumsum(segments.rows[order]), _COUNT_ROWS))
            if end < len(order) and segments.possible_rows * 2 > segments.covered_rows:
                return self._newest_total(session, query)
            runs = runs_of([segments.runs[i] for i in order[:end]])
            ranges = segments.uncovered + [(int(a), int(b)) for a, b in runs]
            c = log_conditions(query, text_match=text_match)
            c.parts.append(_id_condition(join_ranges(ranges, _MOST_RANGES)))
            sql = (
                f"SELECT count(*) AS n FROM (SELECT 1 FROM logs {c.where} "
                f"LIMIT {_COUNT_MOST + 1}) AS found"
            )
            with _plan_by_id(session):
                n = int(pa.table(session.query(sql, c.parameters))["n"][0].as_py())
        if n > _COUNT_MOST:
            return Total(_COUNT_MOST, exact=False)
        return Total(n, exact=end >= len(order))

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

        A segment claims the ids that were read and no others, so records that are committed
        meanwhile are no less found. One process at a time.
        """
        with self._session() as session:
            if not _true(session, "SELECT pg_try_advisory_lock(7310, 3) AS v"):
                return 0
            try:
                session.query(statement("postgres", "summarize_ids"))
                covered = _cover(session)
                session.execute("COMMIT")
                return covered
            finally:
                if session.in_transaction:
                    session.execute("ROLLBACK")
                session.query("SELECT pg_advisory_unlock(7310, 3)")


def _cover(session: PgSession) -> int:
    # One snapshot: a record is seen together with the segment that was committed with it.
    session.execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ; {_BY_ID}")
    sql = statement("postgres", "select_segments").format(may="false")
    claimed = runs_of(pa.table(session.query(sql))["ids"].to_pylist())
    ranges = join_ranges(gaps_of(claimed), _MOST_RANGES)
    messages = statement("postgres", "select_messages").format(where=_id_condition(ranges))
    session.execute(f"DECLARE messages NO SCROLL CURSOR FOR {messages}")
    pending: list[pa.Table] = []
    covered = waiting = 0
    for n in range(_COVER_TIMES):
        table = pa.table(session.query_logs(f"FETCH {_COVER_ROWS} FROM messages"))
        last = n + 1 == _COVER_TIMES or table.num_rows < _COVER_ROWS
        # Joined ranges hold claimed ids too.
        pending.append(_unclaimed(table, claimed))
        waiting += pending[-1].num_rows
        if waiting >= (LEAST_ROWS if last else _COVER_ROWS):
            rows = pa.concat_tables(pending, promote_options="permissive").unify_dictionaries()
            session.copy_segments(_core.LogBatch.from_arrow(rows.combine_chunks()), SEGMENT_ROWS)
            covered += waiting
            pending, waiting = [], 0
        if last:
            break
    return covered


def _unclaimed(table: pa.Table, claimed: NDArray[np.int64]) -> pa.Table:
    """The records whose ids are in none of the runs."""
    if not len(claimed):
        return table
    ids = table["id"].to_numpy()
    at = np.searchsorted(claimed[:, 0], ids, side="right") - 1
    free = (at < 0) | (ids > claimed[np.maximum(at, 0), 1])
    return table if free.all() else table.filter(pa.array(free))


# Ids are found by BRIN, which a planner without fresh statistics would not choose.
_BY_ID = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; "
    "SET LOCAL enable_indexonlyscan = off; SET LOCAL jit = off"
)


@contextlib.contextmanager
def _plan_by_id(session: PgSession) -> Iterator[None]:
    session.execute(f"BEGIN; {_BY_ID}")
    try:
        yield
    finally:
        with contextlib.suppress(StoreError):
            session.execute("ROLLBACK")  # nothing was written


def _run(
    session: PgSession,
    query: LogQuery,
    conditions: Conditions,
    *,
    source: str = "logs",
    by_id: bool = False,
) -> LogBatch:
    limit = "" if query.limit is None else f"LIMIT {int(query.limit)}"
    sql = statement("postgres", "select_logs").format(
        where=conditions.where,
        order="ASC" if query.ascending else "DESC",
        limit=f"{limit} OFFSET {int(query.offset)}" if query.offset else limit,
    )
    if source != "logs":
        sql = sql.replace("FROM logs ", f"FROM {source} ", 1)
    with _plan_by_id(session) if by_id else contextlib.nullcontext():
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
