"""Text search at 2 M rows in Postgres: designs side by side on the same rows in one run.

    python benchmarks/bench_search.py [ROWS] [--dsn DSN] [--ours]

Every way must find the same records. Prints what each costs (time to build, bytes a row) and how
long queries take; then the other queries of the store, with the goal of each. fsync is off: this
is not about disks. With --dsn an existing server is used, and filled only if it is empty, so that
loading and measuring can be done at different times; --ours leaves the other designs out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import pyarrow as pa
from search_lines import make_batch

from logforest import _core
from logforest.batch import LogBatch
from logforest.stores.base import Block, LogQuery, partials
from logforest.stores.filters import search_terms
from logforest.stores.postgres import PostgresStore
from logforest.stores.postgres_segments import SEGMENT_ROWS
from logforest.testing.servers import PrivatePostgres

BATCH = 10_000
TERMS = {
    "rare word": "quixotheca",
    "rare, few": "zymurgical-7f",
    "substring of a rare word": "uixothec",
    "part of an identifier": "839201",
    "address": "10.3.7.",
    "no such text": "no-such-thing",
    "frequent word": "refused",
    "frequent short": "7f",
    "common pieces, rare whole": "belvormau",
    "common pieces, absent whole": "belvormausor",
    "common words, never together": "provider warehouse",
    "common words, absent phrase": '"failed to sign in from"',
    "a code in a phrase": '"with exit code 137"',
    "short numbers in a phrase": '"attempt 5, next try in 12 "',
}
GOALS = {"rare word": 100, "rare, few": 100, "frequent word": 100}  # ms, p95; others:
SUBSTRING_GOAL = 200
PAGE = "ORDER BY timestamp DESC, id DESC LIMIT 100"


def batch_of(number: int) -> LogBatch:
    lines = b"\n".join(make_batch(number, BATCH))
    core, _ = _core.ingest([(lines, "json", "default", "", "", 1)])
    _core.number_records(core, [number * BATCH + 1], [core.num_rows])
    return LogBatch._from_core(core)


def times(work: Callable[[], object], seconds: float = 1.0) -> tuple[float, float]:
    """p50 and p95 in ms, of as many calls as fit in about ``seconds``, 3 to 40."""
    taken: list[float] = []
    while len(taken) < 3 or (sum(taken) < seconds and len(taken) < 40):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    taken.sort()
    return taken[len(taken) // 2] * 1000, taken[int(len(taken) * 0.95)] * 1000


def cost_of_segments(session: _core.PgSession) -> None:
    """COPY of the same batches with and without their segments."""
    batches = [batch_of(n)._core for n in range(15)]
    for rounds in range(2):
        for segments in (False, True):
            session.execute("TRUNCATE logs, log_segments")
            begin = time.perf_counter()
            for core in batches:
                session.execute("BEGIN")
                session.copy_logs("logs", core)
                if segments:
                    session.copy_segments(core, SEGMENT_ROWS)
                session.execute("COMMIT")
            rate = len(batches) * BATCH / (time.perf_counter() - begin)
            if rounds:
                print(f"COPY {'with' if segments else 'without'} segments: {rate:,.0f} rows/s")
    session.execute("TRUNCATE logs, log_segments")


def ids_of(table: pa.Table) -> list[int]:
    ids: list[int] = table["id"].to_pylist()
    return ids


def all_of(test: str, term: str) -> tuple[str, list[str]]:
    """A condition that all words and phrases of a search meet, and its parameters."""
    parts = search_terms(term)
    return " AND ".join(test.format(f"${i + 1}") for i in range(len(parts))), parts


def build_words(session: _core.PgSession, rows: int) -> None:
    """Design C: the distinct words of some thousand records as one text, read with strpos."""
    session.execute(
        "CREATE TABLE log_words (first_id bigint, last_id bigint, words text COMPRESSION lz4)"
    )
    for at in range(0, rows, SEGMENT_ROWS * 32):
        found = pa.table(
            session.query(
                f"SELECT id, lower(message) AS m FROM logs WHERE id > {at} "
                f"AND id <= {at + SEGMENT_ROWS * 32} ORDER BY id"
            )
        ).to_pydict()
        out: dict[str, list[object]] = {"first_id": [], "last_id": [], "words": []}
        for first in range(0, len(found["id"]), SEGMENT_ROWS):
            messages = found["m"][first : first + SEGMENT_ROWS]
            out["first_id"].append(found["id"][first])
            out["last_id"].append(found["id"][min(first + SEGMENT_ROWS, len(found["id"])) - 1])
            out["words"].append(" ".join({word for m in messages for word in m.split()}))
        session.copy_arrow("log_words", pa.table(out))


def by_words(session: _core.PgSession, term: str) -> list[int]:
    # A phrase has to be looked up by its words: the text of a segment has no others.
    words = [word for part in search_terms(term) for word in part.split()]
    where = " AND ".join(f"strpos(words, ${i + 1}) > 0" for i in range(len(words)))
    ranges = pa.table(
        session.query(f"SELECT first_id, last_id FROM log_words WHERE {where}", words)
    ).to_pylist()
    if not ranges:
        return []
    where = "true"
    if len(ranges) <= 128:  # else the planner does best by itself
        where = " OR ".join(f"id BETWEEN {r['first_id']} AND {r['last_id']}" for r in ranges)
        session.execute("BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    tests, parts = all_of("strpos(lower(message), {}) > 0", term)
    found = session.query(f"SELECT id FROM logs WHERE ({where}) AND {tests} {PAGE}", parts)
    if session.in_transaction:
        session.execute("ROLLBACK")
    return ids_of(pa.table(found))


def size(server: PrivatePostgres, what: str) -> int:
    return int(server.psql(f"SELECT {what}"))


def fill(store: PostgresStore, rows: int) -> None:
    for number in range(rows // BATCH):
        logs = batch_of(number)
        store.commit([Block(key=f"b{number}", logs=logs, windows=partials(logs))])
    store.cover()
    store.fold_windows()


def print_goals(
    store: PostgresStore, words: Callable[[str], object], terms: dict[str, str]
) -> None:
    """The queries of the service, each with its goal."""
    query: dict[str, Callable[[], object]] = {
        "latest 100": lambda: store.page(LogQuery()),
        "of a service": lambda: store.page(LogQuery(service=("search",))),
        "of a service and level": lambda: store.page(
            LogQuery(service=("search",), level=("ERROR",))
        ),
        "of a level that never occurs": lambda: store.page(LogQuery(level=("CRITICAL",))),
        "of a source, status 500": lambda: store.page(
            LogQuery(source=("node-05",), status_min=500)
        ),
        "total of all": lambda: store.total(LogQuery()),
        "total of a status": lambda: store.total(LogQuery(status_min=500)),
        "total of a frequent word": lambda: store.total(LogQuery(q="refused")),
        "stats: windows by service and level": lambda: store.windows(by=("service", "level")),
        "trends: 5 min by level": lambda: store.windows(every="5m", by=("level",)),
    }
    print(f"\n{'ms':<40}{'p50':>8}{'p95':>8}{'goal':>8}")
    for name, work in query.items():
        middle, high = times(work)
        print(f"{name:<40}{middle:>8.0f}{high:>8.0f}{100:>8}", flush=True)
    for name, term in terms.items():
        middle, high = times(partial(words, term))
        print(f"{name:<40}{middle:>8.0f}{high:>8.0f}{GOALS.get(name, SUBSTRING_GOAL):>8}",
              flush=True)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("rows", nargs="?", type=int, default=2_000_000)
    options.add_argument("--dsn")
    options.add_argument("--ours", action="store_true")
    chosen = options.parse_args()
    server = None if chosen.dsn else PrivatePostgres(fsync="off", maintenance_work_mem="1GB")
    try:
        if server is not None:
            server.start()
        dsn = chosen.dsn if server is None else server.dsn()
        run(dsn, chosen.rows, ours=chosen.ours)
    finally:
        if server is not None:
            server.close()


def run(dsn: str, rows: int, *, ours: bool) -> None:
    store = PostgresStore(dsn, command_timeout=600.0)
    store.ping()
    session = _core.PgClient(dsn, command_timeout=600.0).session()

    def size(what: str) -> int:
        return int(pa.table(session.query(f"SELECT ({what})::bigint AS n"))["n"][0].as_py())

    if not size("SELECT count(*) FROM logs"):
        cost_of_segments(session)
        fill(store, rows)
        session.execute("VACUUM ANALYZE")
    rows = size("SELECT count(*) FROM logs")
    sizes = [
        size(f"SELECT sum({what}) FROM log_segments") / rows
        for what in ("length(filter)", "length(digest)")
    ]
    everything = size("pg_total_relation_size('log_segments')") / rows
    print(f"{rows} rows; segments of {SEGMENT_ROWS}: {everything:.1f} B/row "
          f"(filters {sizes[0]:.1f}, digests {sizes[1]:.1f})", flush=True)  # fmt: skip

    def scan(term: str) -> list[int]:
        where, parts = all_of("strpos(lower(message), {}) > 0", term)
        return ids_of(pa.table(session.query(f"SELECT id FROM logs WHERE {where} {PAGE}", parts)))

    def trigrams(term: str) -> list[int]:
        where, parts = all_of("lower(message) LIKE '%' || {} || '%'", term)
        return ids_of(pa.table(session.query(f"SELECT id FROM logs WHERE {where} {PAGE}", parts)))

    def segments(term: str) -> list[int]:
        return ids_of(pa.table(store.page(LogQuery(q=term)).logs._core))

    def filters(term: str) -> list[int]:
        """As if there were no digests."""
        tells = _core.search_tells
        _core.search_tells = lambda _: False
        try:
            return segments(term)
        finally:
            _core.search_tells = tells

    results: dict[str, list[int]] = {}

    def measure(way: str, work: Callable[[str], list[int]]) -> None:
        print(f"\n{way + ', ms':<40}{'p50':>8}{'p95':>8}")
        for name, term in TERMS.items():
            found = work(term)
            assert results.setdefault(name, found) == found, (way, name)
            middle, high = times(partial(work, term), 0.8)
            print(f"{name:<40}{middle:>8.0f}{high:>8.0f}{len(found):>6} found", flush=True)

    if not ours:
        measure("scan", scan)
        measure("filters alone", filters)
        begin = time.perf_counter()
        build_words(session, rows)
        took = time.perf_counter() - begin
        words_bytes = size("pg_total_relation_size('log_words')") / rows
        measure(f"words ({rows / took:,.0f} rows/s, {words_bytes:.1f} B/row)",
                lambda term: by_words(session, term))  # fmt: skip
        session.execute("DROP TABLE log_words; CREATE EXTENSION IF NOT EXISTS pg_trgm")
        begin = time.perf_counter()
        session.execute("CREATE INDEX trigrams ON logs USING gin (lower(message) gin_trgm_ops)")
        took = time.perf_counter() - begin
        gin_bytes = size("SELECT sum(pg_relation_size(indexrelid))::bigint FROM pg_index JOIN "
                         "pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = c.relam "
                         "WHERE a.amname = 'gin' AND c.relkind = 'i'") / rows  # fmt: skip
        session.execute("ANALYZE logs")
        measure(f"trigram GIN ({rows / took:,.0f} rows/s, {gin_bytes:.1f} B/row)", trigrams)
        session.execute("DROP INDEX trigrams")
    measure("filters and digests", segments)
    print_goals(store, segments, TERMS)


if __name__ == "__main__":
    main()
