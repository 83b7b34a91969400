"""Queries of the embedded store at 2 M rows against plain SQL on the same file by bare DuckDB.

    python benchmarks/bench_embedded_queries.py [ROWS]

Both give the newest 100 matching records (or the counts); the ids and counts must be the same.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

import logforest as lf
from logforest import demo
from logforest.stores.base import LogQuery

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
RECORDS = 200_000  # of the demo, again and again, each time later
TIMES = 11

Answer = list[Any]


def fill(path: Path) -> datetime:
    """Make the store; the time of its newest record."""
    text, _ = demo.generate(RECORDS)
    logs = lf.parse(text, format="json").to_arrow()
    first, last = logs["timestamp"][0].value, logs["timestamp"][-1].value
    span = last - first + 1
    import pyarrow as pa
    import pyarrow.compute as pc

    with lf.open(path) as store:
        for part in range(-(-ROWS // RECORDS)):
            moved = pc.add(logs["timestamp"].cast(pa.int64()), part * span)
            table = logs.set_column(
                logs.column_names.index("timestamp"),
                "timestamp",
                moved.cast(pa.timestamp("us", tz="UTC")),
            ).slice(0, min(RECORDS, ROWS - part * RECORDS))
            if part == 3:
                row = RECORDS // 2
                words = table["message"].to_pylist()
                words[row] = "needle7 in a haystack"
                table = table.set_column(
                    table.column_names.index("message"), "message", pa.array(words)
                )
            store.append(lf.LogBatch.from_arrow(table))
            store.maintain(idle=False)
        store.update_templates()
        store.fold_windows(now=True)
        newest = store.sql("SELECT max(timestamp) AS t FROM logs")["t"][0].as_py()
    assert isinstance(newest, datetime)
    return newest.astimezone(UTC)


def cases(newest: datetime) -> dict[str, tuple[str, LogQuery]]:
    """What bare DuckDB is asked, and what we are asked."""
    page = "SELECT id FROM (SELECT * FROM logs WHERE {} ORDER BY timestamp DESC, id DESC LIMIT 100)"
    text = "contains(lower(message), '{}')"
    return {
        "latest 100 of service + level": (
            page.format("service = 'payments' AND level = 'ERROR'"),
            LogQuery(service=("payments",), level=("ERROR",)),
        ),
        "rare word": (page.format(text.format("needle7")), LogQuery(q="needle7")),
        "frequent word": (page.format(text.format("order")), LogQuery(q="order")),
        "substring": (page.format(text.format("eedle")), LogQuery(q="eedle")),
    }


def time_of(work: Callable[[], Answer]) -> tuple[float, Answer]:
    seconds, answer = [], []
    for _ in range(TIMES):
        begin = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds) * 1000, answer


def bare(path: Path, newest: datetime) -> dict[str, tuple[float, Answer]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET timezone = 'UTC'")

        def ids(sql: str) -> Answer:
            table = connection.sql(sql.replace("SELECT id", "SELECT *", 1)).to_arrow_table()
            ids: Answer = table["id"].to_pylist()
            return ids

        found = {
            name: time_of(lambda sql=sql: ids(sql)) for name, (sql, _) in cases(newest).items()
        }
        since = newest.replace(second=0, microsecond=0) - timedelta(hours=1)
        counts = (
            "SELECT time_bucket(INTERVAL 5 MINUTE, timestamp) AS t, count(*) FROM logs "
            f"WHERE timestamp >= '{since.isoformat()}' GROUP BY t ORDER BY t"
        )
        found["counts per 5 min, last hour"] = time_of(
            lambda: [n for _, n in connection.execute(counts).fetchall()]
        )
    return found


def ours(path: Path, newest: datetime) -> dict[str, tuple[float, Answer]]:
    with lf.open(path) as store:
        found = {
            name: time_of(lambda query=query: store.page(query).logs["id"].to_pylist())
            for name, (_, query) in cases(newest).items()
        }
        since = newest.replace(second=0, microsecond=0) - timedelta(hours=1)
        found["counts per 5 min, last hour"] = time_of(
            lambda: list(store.windows(every="5m", by=(), since=since)["count"].to_pylist())
        )
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "logs.duckdb"
        newest = fill(path)
        size = path.stat().st_size / ROWS
        theirs, mine = bare(path, newest), ours(path, newest)
    print(f"{ROWS} rows, {size:.1f} B/row with windows and templates; p50 of {TIMES}")
    print(f"{'':<32}{'logforest':>12}{'bare DuckDB':>14}{'ratio':>8}")
    for query, (ms, answer) in mine.items():
        their_ms, expected = theirs[query]
        assert answer == expected, (query, answer[:5], expected[:5])
        assert answer, query
        print(f"{query:<32}{ms:>9.1f} ms{their_ms:>11.1f} ms{their_ms / ms:>8.2f}")


if __name__ == "__main__":
    main()
