"""The directory of search segments: what they claim, which of them may match, their upkeep.

The table ``log_segments`` says for some thousand records each which ids they have, by a filter
which text cannot be in them, and by a digest which of them can hold it. Records whose ids no
segment claims are always read. So what is found is exact, whatever segments there are; see
docs/search.md for why it is done this way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from logforest import _core
from logforest.sql import statement
from logforest.stores.base import LogQuery
from logforest.stores.filters import decode_cursor, from_us
from logforest.stores.filters import search_terms as terms_of
from logforest.values import CATEGORIES, LEVELS, one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logforest._core import PgSession

__all__ = [
    "BY_ID",
    "LEAST_ROWS",
    "SEGMENT_ROWS",
    "Claims",
    "Ranges",
    "Step",
    "bounds_of",
    "candidates_of",
    "cover",
    "id_condition",
    "join_ranges",
    "runs_of",
    "steps",
]

SEGMENT_ROWS = 2048  # records of one segment
LEAST_ROWS = 1024  # smaller commits leave their records to cover()
_PROBES = 10  # grams looked up for a search, at least three a term: more rule out hardly more,
_MOST_PROBES = 6  # and no more than these for one
_STEP = 4096  # segments looked through before older ones are
_UNSETTLED = 1000  # of the newest segments, one may still be committed
_MOST_RUNS = 1_000_000  # of claimed ids that are remembered (16 B each)
_MOST_RANGES = 128  # of ids in one statement
_MOST_FINGERPRINTS = 16  # of a template that are looked up
_NEAR_IDS = 500  # reading these is cheaper than another range
_COVER_ROWS = 65_536  # records read at a time to make up for missing segments,
_COVER_TIMES = 16  # and how often in one transaction

Ranges = list[tuple[int, int]]
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1

# Ids are found by BRIN, which a planner without fresh statistics would not choose.
BY_ID = "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL jit = off"


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


def join_ranges(ranges: Ranges) -> Ranges:
    """Few enough ranges for one statement that hold all of ``ranges``: near ones are joined."""
    most = _MOST_RANGES
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


def id_condition(ranges: Ranges) -> str:
    """The test for ids that are in some of the ranges."""
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


def bounds_of(query: LogQuery) -> tuple[datetime | None, datetime | None]:
    """Time from and to (both possible) of what a page of the query can hold."""
    since, until = query.since, query.until
    if query.cursor:
        at = from_us(decode_cursor(query.cursor)[0])
        if query.ascending:
            since = at if since is None else max(at, since)
        else:
            until = at if until is None else min(at, until)
    return since, until


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


def candidates_of(session: PgSession, query: LogQuery) -> str:
    """The condition that segments with records of the query meet, and few others."""
    may = _values(query, _fingerprints(session, query))
    terms = terms_of(query.q or "")
    each = min(max(_PROBES // max(len(terms), 1), 3), _MOST_PROBES)
    for term in terms:
        may += [_probe(probe) for probe in _core.search_probes(term.lower(), each)]
    return " AND ".join(may) or "true"


# --- which ids segments claim -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What the segments up to a number claim; ``check`` tells whether they are still the same."""

    last: int
    check: tuple[int, int]
    runs: NDArray[np.int64]


class Claims:
    """Which ids are in some segment, as the current transaction sees it.

    What the older segments claim is remembered: ids follow each other, so that it is a few runs.
    Segments that come late (smaller number, committed after larger ones) or are deleted change
    the check, and everything is read again. Several threads may use one object.
    """

    def __init__(self) -> None:
        self._known: _Known | None = None

    def runs(self, session: PgSession) -> NDArray[np.int64]:
        """Runs of claimed ids. The transaction has to be one of a single snapshot."""
        known = self._known
        if known is not None and known.check != _check(session, known.last):
            known = None
        after = _LOWEST if known is None else known.last
        table = pa.table(session.query(statement("postgres", "select_claims"), [after]))
        seq, ids = table["seq"].to_numpy(), table["ids"].to_pylist()
        parts = [] if known is None else [known.runs.tobytes()]
        runs = runs_of([*parts, *ids])
        settled = int(seq.max()) - _UNSETTLED if len(seq) else _LOWEST
        old = np.flatnonzero(seq <= settled)
        if len(old) > _UNSETTLED:
            more = runs_of([*parts, *(ids[i] for i in old)])
            if len(more) <= _MOST_RUNS:
                last = int(seq[old].max())
                self._known = _Known(last, _check(session, last), more)
        return runs

    def unclaimed(self, session: PgSession) -> Ranges:
        """The ids that no segment claims."""
        return gaps_of(self.runs(session))


def _check(session: PgSession, last: int) -> tuple[int, int]:
    row = pa.table(session.query(statement("postgres", "check_claims"), [last])).to_pylist()[0]
    return row["n"], row["hash"]


# --- which segments may match -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """Some segments that may match, first those that come first in the order of a query."""

    edge: NDArray[np.int64]  # us; the earliest time, or minus the latest of a newest-first query
    times: NDArray[np.int64]  # [n, 2]: from when to when
    rows: NDArray[np.int64]
    runs: list[bytes]
    seq: NDArray[np.int64]
    after: int | None  # the least edge of those of later steps; None: there are none
    looked: int  # records of all segments that were looked through

    def __len__(self) -> int:
        return len(self.seq)


def steps(session: PgSession, query: LogQuery, candidates: str) -> Iterator[Step]:
    """The directory in the order of a query, some thousand segments at a time."""
    most = _STEP
    key, way, within, past = (
        ("min_time", "ASC", "<=", ">") if query.ascending else ("max_time", "DESC", ">=", "<")
    )
    since, until = bounds_of(query)
    bounds: list[str] = []
    parameters: list[object] = []
    if since is not None:
        parameters.append(since)
        bounds.append(f"max_time >= ${len(parameters)}")
    if until is not None:
        parameters.append(until)
        bounds.append(f"min_time <= ${len(parameters)}")
    done: datetime | None = None
    while True:
        at = list(parameters)
        where = list(bounds)
        if done is not None:
            at.append(done)
            where.append(f"{key} {past} ${len(at)}")
        sql = statement("postgres", "segment_step").format(
            key=key, way=way, where=" AND ".join(where) or "true", most=most
        )
        step = pa.table(session.query(sql, at))
        n, looked = step["n"][0].as_py(), step["rows"][0].as_py() or 0
        last = n < most
        reached = 0
        if n:
            reached = step["low" if way == "DESC" else "high"][0].value
            done = from_us(reached)
            at.append(done)
            where.append(f"{key} {within} ${len(at)}")
            where.append(candidates)
            sql = statement("postgres", "select_segments").format(where=" AND ".join(where))
            table = pa.table(session.query(sql, at))
        else:
            sql = statement("postgres", "select_segments").format(where="false")
            table = pa.table(session.query(sql))
        times = np.column_stack(
            [table[name].cast(pa.int64()).to_numpy() for name in ("min_time", "max_time")]
        )
        edge = times[:, 0] if query.ascending else -times[:, 1]
        order = np.argsort(edge, kind="stable")
        runs = table["ids"].to_pylist()
        yield Step(
            edge=edge[order],
            times=times[order],
            rows=table["rows"].to_numpy().astype(np.int64)[order],
            runs=[runs[i] for i in order],
            seq=table["seq"].to_numpy()[order],
            after=None if last else reached if query.ascending else -reached,
            looked=looked,
        )
        if last:
            return


# --- upkeep -------------------------------------------------------------------------------


def cover(session: PgSession, claims: Claims) -> int:
    """Write the segments of records that were committed without; returns how many records.

    A segment claims the ids that were read and no others, so records that are committed
    meanwhile are no less found. One at a time; the transaction is left open.
    """
    # One snapshot: a record is seen together with the segment that was committed with it.
    session.execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ; {BY_ID}")
    claimed = claims.runs(session)
    ranges = join_ranges(gaps_of(claimed))
    messages = statement("postgres", "select_messages").format(where=id_condition(ranges))
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
