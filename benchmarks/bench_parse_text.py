"""Access logs, RFC 5424 and RFC 3164 against regex columns of Polars, DuckDB and Python's re.

Ours builds the full record (detection, rejects, levels, metadata); the peers extract the same
header fields with one regular expression and parse the time. Results are compared on a slice
before anything is timed. One interleaved run per format; the best of ``--repeat`` counts.
"cores" is the processor time of that run over its wall time: below the number of threads on a
busy machine, and then the figure says little about scaling.

    python benchmarks/bench_parse_text.py [--megabytes 240] [--repeat 3] [--formats access,...]
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from parse_data import repeat

import logforest as lf

_START = dt.datetime(2025, 5, 17, 10, 5, 3, tzinfo=dt.UTC)
_RECEIVED = dt.datetime(2025, 6, 1, tzinfo=dt.UTC).timestamp()
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0",
    "curl/8.5.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Mobile/15E148",
)
_SLICE = 2000
_RE_LINES = 100_000


def _ip(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def _access(rng: random.Random, now: dt.datetime) -> str:
    return (
        f"{_ip(rng)} - - [{now:%d/%b/%Y:%H:%M:%S} +0000] "
        f'"GET /shop/item/{rng.randrange(10**5)}?ref={rng.randrange(999)} HTTP/1.1" '
        f"{rng.choice((200, 200, 200, 304, 404, 500))} {rng.randrange(10**6)} "
        f'"https://example.com/list/{rng.randrange(999)}" "{rng.choice(_AGENTS)}"'
    )


def _rfc5424(rng: random.Random, now: dt.datetime) -> str:
    return (
        f"<{rng.randrange(192)}>1 {now:%Y-%m-%dT%H:%M:%S}.{rng.randrange(10**6):06d}Z "
        f"host{rng.randrange(50)}.example.com app{rng.randrange(9)} {rng.randrange(65535)} "
        f'ID{rng.randrange(99)} [origin@32473 ip="{_ip(rng)}" zone="eu-{rng.randrange(9)}"] '
        f"request {rng.randrange(10**6)} took {rng.randrange(999)} ms"
    )


def _rfc3164(rng: random.Random, now: dt.datetime) -> str:
    return (
        f"<{rng.randrange(192)}>{now:%b} {now.day:2d} {now:%H:%M:%S} host{rng.randrange(50)} "
        f"sshd[{rng.randrange(65535)}]: Failed password for root from {_ip(rng)} "
        f"port {rng.randrange(65535)} ssh2"
    )


@dataclass(frozen=True)
class Case:
    """One format: how its lines look, and how the peers read them."""

    name: str
    line: Callable[[random.Random, dt.datetime], str]
    pattern: str
    time_format: str  # of the group "time"
    checked: dict[str, str]  # our column -> the peers' group


CASES = (
    Case(
        "access",
        _access,
        r"^(?P<ip>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] "
        r'"(?P<method>\S+) (?P<path>\S+) (?P<protocol>(?:[^"\\]|\\.)*)" '
        r"(?P<status>\d{3}) (?P<bytes>\S+) "
        r'"(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"',
        "%d/%b/%Y:%H:%M:%S %z",
        {"ip_address": "ip", "method": "method", "endpoint": "path", "status_code": "status"},
    ),
    Case(
        "rfc5424",
        _rfc5424,
        r"^<(?P<pri>\d{1,3})>1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<proc>\S+) "
        r"(?P<msgid>\S+) (?P<sd>-|\[.*\]) (?P<message>.*)$",
        "%Y-%m-%dT%H:%M:%S%.fZ",
        {"source": "host", "service": "app", "message": "message"},
    ),
    Case(
        "rfc3164",
        _rfc3164,
        r"^<(?P<pri>\d{1,3})>(?P<time>\w{3} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) "
        r"(?P<app>[^\[:]+)\[(?P<pid>\d+)\]: (?P<message>.*)$",
        "%Y %b %e %H:%M:%S",
        {"source": "host", "service": "app", "message": "message"},
    ),
)


def generate(case: Case, path: Path, size: int) -> None:
    """About ``size`` bytes: 100,000 seeded lines, repeated."""
    rng = random.Random(7)
    now = _START
    lines = []
    for _ in range(100_000):
        now += dt.timedelta(seconds=rng.random() < 0.3)
        lines.append(case.line(rng, now))
    repeat(("\n".join(lines) + "\n").encode(), path, size)


def ours(path: Path, threads: int) -> lf.LogBatch:
    """The full record, format detected."""
    return lf.read_logs(path, threads=threads, received=_RECEIVED)


def polars(case: Case, path: Path) -> pl.DataFrame:
    """Groups as columns and the time parsed."""
    lines = pl.read_csv(
        path, has_header=False, new_columns=["line"], separator="\x01", quote_char=None
    )
    groups = lines.select(pl.col("line").str.extract_groups(case.pattern)).unnest("line")
    stamp = pl.col("time")
    if case.name == "rfc3164":
        stamp = pl.concat_str(pl.lit("2025 "), stamp).alias("time")
    return groups.with_columns(stamp.str.to_datetime(case.time_format, time_unit="us"))


def duck(case: Case, path: Path, threads: int) -> int:
    """Groups as columns of a table; the time stays text."""
    names = re.compile(case.pattern).groupindex
    pattern = re.sub(r"\(\?P<\w+>", "(", case.pattern).replace("'", "''")
    listed = ", ".join(f"'{name}'" for name in names)
    with duckdb.connect() as db:
        db.execute(f"set threads = {threads}")
        db.execute(
            f"create table t as select unnest(regexp_extract(line, '{pattern}', [{listed}])) "
            f"from read_csv('{path}', columns={{'line': 'varchar'}}, delim='\x01', header=false, "
            "quote='', escape='', auto_detect=false)"
        )
        row = db.execute("select count(*) from t").fetchone()
        assert row is not None
        return int(row[0])


def python_re(case: Case, lines: list[str]) -> int:
    """Python's re into dicts."""
    match = re.compile(case.pattern).match
    return sum(1 for line in lines if (m := match(line)) is not None and m.groupdict())


def check(case: Case, path: Path) -> None:
    """Our columns equal the peers' on a slice of the file."""
    head = path.read_bytes()[: 1 << 20]
    text = head[: head.rfind(b"\n") + 1]
    with tempfile.NamedTemporaryFile(suffix=".log") as part:
        part.write(text)
        part.flush()
        theirs = polars(case, Path(part.name)).head(_SLICE)
        mine = ours(Path(part.name), 1).head(_SLICE).to_polars()
    for column, group in case.checked.items():
        assert mine[column].cast(pl.String).to_list() == theirs[group].to_list(), column
    stamps = mine["timestamp"].dt.replace_time_zone(None)
    other = theirs["time"]
    if other.dtype == pl.Datetime("us", "UTC"):
        other = other.dt.replace_time_zone(None)
    assert stamps.to_list() == other.to_list()


def run(case: Case, path: Path, repeats: int) -> None:
    """Time one format and print its rows."""
    check(case, path)
    size = path.stat().st_size
    count = path.read_bytes().count(b"\n")
    with path.open(encoding="utf-8") as file:
        some = [next(file).rstrip("\n") for _ in range(_RE_LINES)]
    some_size = sum(len(line.encode()) + 1 for line in some)
    runs: dict[str, tuple[int, Callable[[], Any]]] = {
        "logforest, 1 thread": (size, lambda: ours(path, 1)),
        "logforest, 2 threads": (size, lambda: ours(path, 2)),
        "Polars extract + time": (size, lambda: polars(case, path)),
        "DuckDB regexp, 1 thread": (size, lambda: duck(case, path, 1)),
        f"Python re ({_RE_LINES:,} lines)": (some_size, lambda: python_re(case, some)),
    }
    best = dict.fromkeys(runs, float("inf"))
    cores = dict.fromkeys(runs, 0.0)
    for _ in range(repeats):
        for name, (_, call) in runs.items():
            cpu, begin = time.process_time(), time.perf_counter()
            result = call()
            took = time.perf_counter() - begin
            if took < best[name]:
                best[name], cores[name] = took, (time.process_time() - cpu) / took
            if isinstance(result, lf.LogBatch):
                assert (result.num_rows, result.counts["rejected"]) == (count, 0)
            elif isinstance(result, pl.DataFrame):
                assert result.height == count
            del result  # freeing hundreds of megabytes is not the next one's time
    rate = {name: runs[name][0] / best[name] / 1e6 for name in runs}
    base = rate["logforest, 1 thread"]
    print(f"\n{case.name}: {size / 1e6:.0f} MB, {size / count:.0f} B a line")
    print(f"{'':<28}{'MB/s':>8}{'cores':>8}{'ours 1 thread / it':>20}")
    for name, value in rate.items():
        print(f"{name:<28}{value:>8.0f}{cores[name]:>8.2f}{base / value:>20.2f}")


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=240)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--formats", default=",".join(case.name for case in CASES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if case.name in options.formats.split(","):
                path = Path(folder) / f"{case.name}.log"
                generate(case, path, options.megabytes * 1_000_000)
                run(case, path, options.repeat)
                path.unlink()


if __name__ == "__main__":
    main()
