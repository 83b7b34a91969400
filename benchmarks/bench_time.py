"""Time stamps: nanoseconds each, ours against ciso8601, DuckDB's cast, Polars and datetime.

Usage: python benchmarks/bench_time.py [COUNT]

Stamps are RFC 3339 with milliseconds, rising, of a few days. Ours reads them out of lines of text
(finding the line ends is inside its figure). All must give the same count and sum.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import ciso8601
import duckdb
import polars as pl
import pyarrow as pa

from logforest import _core

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICRO = dt.timedelta(microseconds=1)


def _stamps() -> list[str]:
    rng = random.Random(3)
    now = dt.datetime(2026, 2, 26, tzinfo=dt.UTC)
    out = []
    for _ in range(COUNT):
        now += dt.timedelta(milliseconds=rng.randrange(600))
        out.append(now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z")
    return out


def main() -> None:
    """Print the table."""
    stamps = _stamps()
    lines = "\n".join(stamps).encode()
    series = pl.Series("t", stamps)
    table = pa.table({"t": stamps})
    connection = duckdb.connect(config={"threads": 1})
    connection.register("texts", table)
    connection.execute("create temp table stamps as select t from texts")

    def total(moments: list[dt.datetime]) -> tuple[int, int]:
        return len(moments), sum((moment - _EPOCH) // _MICRO for moment in moments)

    def duck() -> tuple[int, int]:
        row = connection.execute(
            "select count(*), sum(epoch_us(cast(t as timestamp))) from stamps"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def polars(form: str | None) -> tuple[int, int]:
        read = series.str.to_datetime(form, time_unit="us").to_physical()
        return len(read), int(read.sum())

    form = "%Y-%m-%dT%H:%M:%S%.fZ"
    jobs: dict[str, Callable[[], Any]] = {
        "logforest": lambda: _core.sum_of_stamps(lines),
        "DuckDB cast, 1 thread": duck,
        "Polars to_datetime, format given": lambda: polars(form),
        "Polars to_datetime, auto": lambda: polars(None),
        "ciso8601": lambda: list(map(ciso8601.parse_datetime, stamps)),
        "datetime.fromisoformat": lambda: list(map(dt.datetime.fromisoformat, stamps)),
    }
    answers = set()
    best: dict[str, float] = {}
    for _ in range(3):
        for name, job in jobs.items():
            begin = time.perf_counter()
            got = job()
            best[name] = min(best.get(name, 1e9), time.perf_counter() - begin)
            count, moments = total(got) if isinstance(got, list) else got
            answers.add((count, moments % 2**64))
            del got
    assert len(answers) == 1, answers
    print(f"{'ns a stamp':<36}{'':>4}{'it / logforest':>18}")
    for name, took in best.items():
        print(f"{name:<36}{took / COUNT * 1e9:>6.0f}{took / best['logforest']:>14.1f} x")


if __name__ == "__main__":
    main()
