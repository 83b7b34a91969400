"""logforest analyze and the detector: records per second on the demo's JSON records.

Run: python benchmarks/bench_analyze.py [MB]. The goal is a ratio to what the service must take in
(240,000 logs/s for a report); no peer reads, counts, mines templates, scores and explains in one
tool, so the parts are timed beside it: DuckDB's read_json with two group-bys on the same file.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import duckdb

import logforest as lf
from logforest import demo
from logforest.analysis import analyze

MEGABYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 300
BYTES_PER_RECORD = 490


def peer(path: Path) -> tuple[int, dict[str, int]]:
    """DuckDB: the counts only."""
    con = duckdb.connect()
    con.execute("SET threads = 2")
    table = f"read_json('{path}', format='newline_delimited')"
    con.execute(f"CREATE TABLE logs AS SELECT * FROM {table}")
    con.execute(
        "SELECT time_bucket(INTERVAL 1 MINUTE, timestamp) AS w, service, count(*), "
        "quantile_cont(response_time, 0.95) FROM logs GROUP BY ALL"
    ).fetchall()
    levels = con.execute("SELECT level, count(*) FROM logs GROUP BY ALL").fetchall()
    return sum(n for _, n in levels), dict(levels)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.ndjson"
        blocks, _ = demo.stream(MEGABYTES * 1_000_000 // BYTES_PER_RECORD, hours=12, seed=5)
        with path.open("wb") as file:
            file.writelines(blocks)
        size = path.stat().st_size
        began = time.perf_counter()
        report = analyze([str(path)])
        ours = time.perf_counter() - began
        began = time.perf_counter()
        count, levels = peer(path)
        theirs = time.perf_counter() - began
        assert report.records == count
        assert Counter(report.by_level) == Counter(levels)
        assert sum(window["count"] for window in report.windows) == count
        batches = list(lf.read_logs(str(path), batch_rows=20_000))[:12]
        detector = lf.Detector()
        detector.process(batches[0])
        began = time.perf_counter()
        found = sum(detector.process(batch).num_rows for batch in batches[1:])
        rows = sum(batch.num_rows for batch in batches[1:])
        detecting = time.perf_counter() - began
    print(f"{count:,} records, {size / 1e6:,.0f} MB, {size / count:.0f} B each")
    print(f"{'':<44}{'records/s':>12}{'MB/s':>8}{'ratio':>8}")
    for name, seconds, n in (
        ("logforest analyze, everything", ours, count),
        ("DuckDB read_json + two group-bys", theirs, count),
    ):
        rate = n / seconds
        print(f"{name:<44}{rate:>12,.0f}{size / seconds / 1e6:>8.0f}{rate * ours / count:>8.2f}")
    print(f"{'Detector.process alone, one thread':<44}{rows / detecting:>12,.0f}  ({found} found)")


if __name__ == "__main__":
    main()
