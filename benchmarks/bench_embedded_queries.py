"""Queries of the embedded store at 2 M rows against plain SQL on a bare DuckDB table of them.

    python benchmarks/bench_embedded_queries.py [ROWS]

Both give the newest 100 matching records (or the counts); ids and counts must be the same. Each
of ours is timed next to one of the bare table. Over HTTP a page comes with the total of all pages,
counted anew each time; the bare table is then asked for a count too if the page is full.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb

import logforest as lf
from logforest import demo
from logforest.stores.base import LogQuery
from logforest.testing.service import UpProcess

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
        store.add_anomalies(None, detected_id=store.next_id() - 1)  # nothing is waiting for `up`
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


def copy_bare(path: Path, bare: Path) -> None:
    """The same rows as a plain table of a file of its own."""
    with duckdb.connect(str(bare)) as connection:
        connection.execute(f"ATTACH '{path}' AS store (READ_ONLY)")
        connection.execute("CREATE TABLE logs AS SELECT * FROM store.logs")


def side_by_side(works: list[Callable[[int], Answer]]) -> list[list[float]]:
    """Milliseconds of each, in turn; all must give the same, which is not nothing."""
    taken: list[list[float]] = [[] for _ in works]
    for n in range(TIMES + 2):
        answers = []
        for work, times in zip(works, taken, strict=True):
            begin = time.perf_counter()
            answers.append(work(n))
            times.append((time.perf_counter() - begin) * 1000)
        assert all(a == answers[0] for a in answers[1:]), answers
        assert answers[0]
    return [sorted(times[2:]) for times in taken]


def bare_work(
    connection: duckdb.DuckDBPyConnection, sql: str, *, total: bool = False
) -> Callable[[int], Answer]:
    condition = sql.partition(" WHERE ")[2].partition(" ORDER BY ")[0]

    def work(_: int) -> Answer:
        table = connection.sql(sql.replace("SELECT id", "SELECT *", 1)).to_arrow_table()
        ids: Answer = table["id"].to_pylist()
        if total and len(ids) == 100:
            connection.execute(f"SELECT count(*) FROM logs WHERE {condition}").fetchall()
        return ids

    return work


def show(title: str, names: list[str], rows: dict[str, list[list[float]]]) -> None:
    print(f"{title:<32}" + "".join(f"{name + ', p50 / p95 ms':>30}" for name in names), "   ratio")
    for query, taken in rows.items():
        cells = [f"{t[len(t) // 2]:.1f} / {t[int(len(t) * 0.95)]:.1f}" for t in taken]
        ratio = statistics.median(taken[1]) / statistics.median(taken[0])
        print(f"{query:<32}" + "".join(f"{cell:>30}" for cell in cells) + f"{ratio:>9.2f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        path = data / "logs.duckdb"
        newest = fill(path)
        size = path.stat().st_size / ROWS
        copy_bare(path, Path(name) / "bare.duckdb")
        print(f"{ROWS} rows, {size:.1f} B/row with windows and templates; {TIMES} times each")
        with duckdb.connect(str(Path(name) / "bare.duckdb"), read_only=True) as bare:
            bare.execute("SET timezone = 'UTC'")
            with lf.open(path) as store:
                show(
                    "in the process", ["logforest", "bare DuckDB"], in_process(store, bare, newest)
                )
            with UpProcess(data, "--no-auth") as up:
                show(
                    "over HTTP, with totals",
                    ["logforest", "bare DuckDB"],
                    by_http(up, bare, newest),
                )


def in_process(
    store: Any, bare: duckdb.DuckDBPyConnection, newest: datetime
) -> dict[str, list[list[float]]]:
    rows = {}
    for name, (sql, query) in cases(newest).items():

        def ours(_: int, query: LogQuery = query) -> Answer:
            ids: Answer = store.page(query).logs["id"].to_pylist()
            return ids

        rows[name] = side_by_side([ours, bare_work(bare, sql)])
    since = newest.replace(second=0, microsecond=0) - timedelta(hours=1)
    counts = (
        "SELECT time_bucket(INTERVAL 5 MINUTE, timestamp) AS t, count(*) FROM logs "
        f"WHERE timestamp >= '{since.isoformat()}' GROUP BY t ORDER BY t"
    )
    rows["counts per 5 min, last hour"] = side_by_side(
        [
            lambda _: list(store.windows(every="5m", by=(), since=since)["count"].to_pylist()),
            lambda _: [n for _, n in bare.execute(counts).fetchall()],
        ]
    )
    return rows


def by_http(
    up: UpProcess, bare: duckdb.DuckDBPyConnection, newest: datetime
) -> dict[str, list[list[float]]]:
    rows = {}
    with closing(up.connect()) as link:
        for name, (sql, query) in cases(newest).items():

            def ours(n: int, query: LogQuery = query) -> Answer:
                asked = {"limit": "100", "q": query.q or "", "service": ",".join(query.service),
                         "level": ",".join(query.level)}  # fmt: skip
                asked["since"] = f"2001-01-01T00:00:{n:02}Z"  # no total that is known already
                link.request(
                    "GET", "/api/v1/logs?" + urlencode({k: v for k, v in asked.items() if v})
                )
                return [item["id"] for item in json.load(link.getresponse())["items"]]

            rows[name] = side_by_side([ours, bare_work(bare, sql, total=True)])
    return rows


if __name__ == "__main__":
    main()
