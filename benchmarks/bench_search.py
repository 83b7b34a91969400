"""Text search at 2 M rows in Postgres: three designs and none, on the same rows in one run.

    python benchmarks/bench_search.py [ROWS]

Every way must find the same records. Prints what each costs (time to build, bytes a row) and how
long queries take; then the other queries of the store. fsync is off: this is not about disks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pyarrow as pa
from search_lines import make_batch

from logforest import _core
from logforest.batch import LogBatch
from logforest.pipeline.group import partials
from logforest.stores.base import Block, LogQuery
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
}
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


def cost_of_segments(server: PrivatePostgres) -> None:
    """COPY of the same batches with and without their segments."""
    session = _core.PgClient(server.dsn()).session()
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
    session.close()


def ids_of(table: pa.Table) -> list[int]:
    return table["id"].to_pylist()  # type: ignore[no-any-return]


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
    ranges = pa.table(
        session.query("SELECT first_id, last_id FROM log_words WHERE strpos(words, $1) > 0", [term])
    ).to_pylist()
    if not ranges:
        return []
    where = "true"
    if len(ranges) <= 128:  # else the planner does best by itself
        where = " OR ".join(f"id BETWEEN {r['first_id']} AND {r['last_id']}" for r in ranges)
        session.execute("BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    found = session.query(
        f"SELECT id FROM logs WHERE ({where}) AND strpos(lower(message), $1) > 0 {PAGE}", [term]
    )
    if session.in_transaction:
        session.execute("ROLLBACK")
    return ids_of(pa.table(found))


def size(server: PrivatePostgres, what: str) -> int:
    return int(server.psql(f"SELECT {what}"))


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    server = PrivatePostgres(fsync="off", maintenance_work_mem="1GB")
    server.start()
    try:
        store = PostgresStore(server.dsn(), command_timeout=600.0)
        store.ping()
        cost_of_segments(server)
        for number in range(rows // BATCH):
            logs = batch_of(number)
            store.commit([Block(key=f"b{number}", logs=logs, windows=partials(logs))])
        store.cover()
        store.fold_windows()
        server.psql("ANALYZE logs")
        session = _core.PgClient(server.dsn(), command_timeout=600.0).session()
        segment_bytes = size(server, "pg_total_relation_size('log_segments')") / rows
        print(f"{rows} rows; segments of {SEGMENT_ROWS}: {segment_bytes:.1f} B/row", flush=True)

        def scan(term: str) -> list[int]:
            sql = f"SELECT id FROM logs WHERE strpos(lower(message), $1) > 0 {PAGE}"
            return ids_of(pa.table(session.query(sql, [term])))

        def trigrams(term: str) -> list[int]:
            sql = f"SELECT id FROM logs WHERE lower(message) LIKE $1 {PAGE}"
            return ids_of(pa.table(session.query(sql, [f"%{term}%"])))

        def segments(term: str) -> list[int]:
            return ids_of(pa.table(store.page(LogQuery(q=term)).logs._core))

        ways: dict[str, Callable[[str], list[int]]] = {"scan": scan, "segments": segments}
        shown: dict[str, dict[str, str]] = {name: {} for name in TERMS}
        results: dict[str, list[int]] = {}

        def measure(way: str, work: Callable[[str], list[int]]) -> None:
            for name, term in TERMS.items():
                found = work(term)
                assert results.setdefault(name, found) == found, (way, name)
                middle, high = times(lambda t=term: work(t), 0.8)  # type: ignore[misc]
                shown[name][way] = f"{middle:.0f} / {high:.0f}"

        for way, work in ways.items():
            measure(way, work)
        begin = time.perf_counter()
        build_words(session, rows)
        took = time.perf_counter() - begin
        words_bytes = size(server, "pg_total_relation_size('log_words')") / rows
        print(f"words: {rows / took:,.0f} rows/s, {words_bytes:.1f} B/row", flush=True)
        measure("words", lambda term: by_words(session, term))

        print(f"\n{'ms, p50 / p95':<34}" + "".join(f"{w:>16}" for w in shown["rare word"]))
        for name, row in shown.items():
            print(f"{name:<34}" + "".join(f"{cell:>16}" for cell in row.values()), flush=True)
        print()
        others: dict[str, Callable[[], object]] = {
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
            "windows, 5 min by level": lambda: store.windows(every="5m", by=("level",)),
        }
        for name, query in others.items():
            middle, high = times(query)
            print(f"{name:<34}{f'{middle:.0f} / {high:.0f}':>16}", flush=True)

        # Last, and on fewer rows if there are many: it takes longest to build.
        session.execute("CREATE EXTENSION pg_trgm")
        begin = time.perf_counter()
        session.execute("CREATE INDEX trigrams ON logs USING gin (lower(message) gin_trgm_ops)")
        took = time.perf_counter() - begin
        gin_bytes = size(server, "sum(pg_relation_size(indexrelid))::bigint FROM pg_index JOIN "
                         "pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = c.relam "
                         "WHERE a.amname = 'gin' AND c.relkind = 'i'") / rows  # fmt: skip
        print(f"\ntrigram GIN: {rows / took:,.0f} rows/s, {gin_bytes:.1f} B/row", flush=True)
        server.psql("ANALYZE logs")
        measure("trigram GIN", trigrams)
        for name, row in shown.items():
            print(f"{name:<34}{row['trigram GIN']:>16}")
    finally:
        server.close()


if __name__ == "__main__":
    main()
