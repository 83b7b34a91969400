"""Queries of the Postgres store at 2 M rows, and what a text index would change.

python benchmarks/bench_search.py [ROWS] [--gin]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pyarrow as pa
from bench_server import BATCH, make_lines

from logforest import _core
from logforest.batch import LogBatch
from logforest.pipeline.group import partials
from logforest.stores.base import Block, LogQuery
from logforest.stores.postgres import PostgresStore
from logforest.testing.servers import PrivatePostgres


def p50_p95(work: Callable[[], object], times: int) -> tuple[float, float]:
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    seconds.sort()
    return seconds[len(seconds) // 2] * 1000, seconds[int(len(seconds) * 0.95)] * 1000


def load(store: PostgresStore, rows: int) -> None:
    lines = make_lines(100_000)
    rare = lines[0].replace(b"order ", b"order needle7 ").replace(b"query ", b"query needle7 ")
    for at in range(0, rows, BATCH):
        start = at % len(lines)
        part = lines[start : start + BATCH]
        if at == rows // 2 // BATCH * BATCH:
            part[0] = rare.replace(b'"message":"', b'"message":"needle7 ')
        core, _ = _core.ingest([(b"\n".join(part), "json", "default", "", "", 1)])
        _core.number_records(core, [at + 1], [core.num_rows])
        logs = LogBatch._from_core(core)
        store.commit([Block(key=f"b{at}", logs=logs, windows=partials(logs))])


def report(store: PostgresStore, title: str) -> None:
    print(title, flush=True)
    kinds: dict[str, Callable[[], object]] = {
        "latest 100": lambda: store.page(LogQuery()),
        "latest 100 of service and level": lambda: store.page(
            LogQuery(service=("search",), level=("ERROR",))
        ),
        "windows, 5 min by level": lambda: store.windows(every="5m", by=("level",)),
        "frequent word": lambda: store.page(LogQuery(q="refused")),
        "rare word": lambda: store.page(LogQuery(q="needle7")),
        "substring": lambda: store.page(LogQuery(q="eedle")),
    }
    for name, work in kinds.items():
        times = 3 if name in ("rare word", "substring") else 15
        middle, high = p50_p95(work, times)
        print(f"  {name:<34} p50 {middle:>9.1f} ms   p95 {high:>9.1f} ms")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    server = PrivatePostgres(fsync="off")
    server.start()
    try:
        store = PostgresStore(server.dsn(), command_timeout=600.0)
        begin = time.perf_counter()
        load(store, rows)
        print(f"{rows} rows loaded at {rows / (time.perf_counter() - begin):,.0f} rows/s")
        server.psql("ANALYZE logs")
        report(store, "lean schema, no text index")
        if "--gin" in sys.argv:
            server.psql("CREATE EXTENSION pg_trgm")
            begin = time.perf_counter()
            session = _core.PgClient(server.dsn(), command_timeout=600.0).session()
            session.execute("CREATE INDEX ON logs_2026_10 USING gin (lower(message) gin_trgm_ops)")
            took = time.perf_counter() - begin
            size = pa.table(session.query(
                "SELECT sum(pg_relation_size(indexrelid))::bigint AS n FROM pg_index "
                "WHERE indrelid = 'logs_2026_10'::regclass"))["n"][0].as_py()  # fmt: skip
            print(f"trigram GIN built in {took:.1f} s; all indexes {size / rows:.0f} B/row")
            report(store, "with trigram GIN (predicate strpos: not usable)")
    finally:
        server.close()


if __name__ == "__main__":
    main()
