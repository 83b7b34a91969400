"""Windows: lf.aggregate against the group-by of Polars and DuckDB, results asserted equal.

Input: records with time, level, service, status and response time, already columns. All compute
count, errors, mean, deviation, minimum, maximum and p95 by 5 minutes, service and level; the peers
compute p95 exactly, which needs all values at once and cannot be merged.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from logforest import _core
from logforest.windows import aggregate, merge

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000_000
LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"]


def make(rows: int) -> pa.Table:
    rng = np.random.default_rng(7)
    time_us = np.sort(rng.integers(0, 6 * 3600 * 1_000_000, rows)) + 1_762_000_000_000_000

    def names(values: list[str], codes: np.ndarray) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), values)

    return pa.table(
        {
            "timestamp": pa.array(time_us, pa.timestamp("us", "UTC")),
            "level": names(LEVELS, rng.choice(5, rows, p=[0.2, 0.6, 0.1, 0.09, 0.01])),
            "service": names([f"service-{i}" for i in range(12)], rng.integers(0, 12, rows)),
            "message": pa.array([""], pa.string()).take(pa.array(np.zeros(rows, np.int32))),
            "status_code": pa.array(rng.choice([200, 404, 500], rows).astype(np.int16)),
            "response_time": pa.array(rng.lognormal(3, 1, rows)),
        }
    )


def with_polars(frame: pl.DataFrame) -> pl.DataFrame:
    failed = pl.col("level").is_in(["ERROR", "CRITICAL"]) | (pl.col("status_code") >= 500)
    rt = pl.col("response_time")
    return (
        frame.group_by(pl.col("timestamp").dt.truncate("5m"), "service", "level")
        .agg(
            pl.len().alias("count"),
            failed.sum().alias("error_count"),
            rt.mean().alias("mean"),
            rt.std().alias("std"),
            rt.min().alias("min"),
            rt.max().alias("max"),
            rt.quantile(0.95, "lower").alias("p95"),
        )
        .sort("timestamp", "service", "level")
    )


DUCKDB = """
  SELECT time_bucket(INTERVAL '5 minutes', timestamp) AS t, service, level, count(*) AS count,
         count_if(level IN ('ERROR', 'CRITICAL') OR status_code >= 500) AS error_count,
         avg(response_time) AS mean, stddev_samp(response_time) AS std, min(response_time) AS min,
         max(response_time) AS max, quantile_disc(response_time, 0.95) AS p95
  FROM logs GROUP BY ALL ORDER BY t, service, level"""


def main() -> None:
    table = make(ROWS)
    logs = _core.LogBatch.from_arrow(table)
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    frame = frame.with_columns(pl.col("level").cast(pl.String), pl.col("service").cast(pl.String))
    categorical = frame.with_columns(pl.col("level", "service").cast(pl.Categorical))
    db = duckdb.connect()
    db.execute("SET TimeZone='UTC'")
    db.register("source", table)
    db.execute("CREATE TABLE logs AS SELECT * FROM source")

    def duck(threads: int) -> pa.Table:
        db.execute(f"SET threads={threads}")
        return db.sql(DUCKDB).to_arrow_table()

    jobs: dict[str, Callable[[], object]] = {
        "logforest, 1 thread": lambda: aggregate(logs, threads=1),
        "logforest, 2 threads": lambda: aggregate(logs, threads=2),
        "Polars, strings": lambda: with_polars(frame),
        "Polars, categories": lambda: with_polars(categorical),
        "DuckDB, 1 thread": lambda: duck(1),
        "DuckDB, 2 threads": lambda: duck(2),
    }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(3):  # interleaved
        for name, job in jobs.items():
            begin = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - begin)

    ours = aggregate(logs)
    sorted_ours = ours.to_polars().with_columns(pl.col("service", "level").cast(pl.String))
    sorted_ours = sorted_ours.sort("window_start", "service", "level")
    for peer in (with_polars(frame), pl.from_arrow(duck(2))):
        assert isinstance(peer, pl.DataFrame)
        for name in ("count", "error_count"):
            assert sorted_ours[name].to_list() == peer[name].to_list(), name
        for name, tolerance in (("mean", 1e-7), ("std", 1e-6), ("min", 0), ("max", 0)):
            np.testing.assert_allclose(
                sorted_ours[f"response_time_{name}"], peer[name], rtol=tolerance
            )
    exact = with_polars(frame)["p95"]  # of the same rank: floor(0.95 (n - 1))
    np.testing.assert_allclose(sorted_ours["response_time_p95"], exact, rtol=0.01)

    best = {name: min(times) for name, times in seconds.items()}
    print(f"{ROWS / 1e6:.0f} M records, {ours.num_rows} windows (best of 3)")
    print(f"{'':24}{'M rows/s':>10}{'logforest, 1 thread is':>26}")
    for name, time_taken in best.items():
        ratio = time_taken / best["logforest, 1 thread"]
        print(f"{name:24}{ROWS / time_taken / 1e6:>10.1f}{ratio:>24.1f} x")
    begin = time.perf_counter()
    repeats = 20
    for _ in range(repeats):
        merge(ours, ours)
    each = statistics.fmean([(time.perf_counter() - begin) / repeats])
    print(f"merge of two tables of {ours.num_rows} windows: {each * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
