"""Access logs, RFC 5424 and RFC 3164 against regex columns of Polars, DuckDB and Python's re.

Ours builds the full record (detection, rejects, levels, metadata, fingerprint, category); the peers
extract the same header fields with one regular expression and parse the time. GoAccess, go-syslog
(the file in memory, one processor; its messages dropped, or kept as ours are) and angle-grinder are
whole programs (scripts/bench_peers.sh; those that are missing are named). Results are compared on a
slice before anything is timed, the number of records and of severe ones after it. Every reader runs
in a process of its own, with as many threads as said (Polars by POLARS_MAX_THREADS); runs are
interleaved and the median of ``--repeat`` counts. The first reading of a process also pays for
memory that is new to it; "again" is the one after it, as in a service. "MB/s" is by the clock on
the wall, "MB/cpu-s" by the seconds of all processors: programs that use several threads unasked
show it there. Ratios are against ours at one thread, "x slower" by the clock, "x cpu" by processor.

    python benchmarks/bench_parse_text.py [--megabytes 240] [--repeat 3] [--formats access,...]
        [--readers logforest,Polars,...]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import parse_data
import polars as pl
import text_peers
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
        f"request {rng.randrange(10**6)} of tenant {rng.randrange(99)} "
        f"took {rng.randrange(999)} ms in all"
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
    Case("logfmt", lambda rng, now: "", "", "", {}),  # parse_data.logfmt; no expression reads it
)


def generate(case: Case, path: Path, size: int) -> None:
    """About ``size`` bytes: 100,000 seeded lines, repeated."""
    if case.name == "logfmt":
        return parse_data.logfmt(path, size)
    rng = random.Random(7)
    now = _START
    lines = []
    for _ in range(100_000):
        now += dt.timedelta(seconds=rng.random() < 0.3)
        lines.append(case.line(rng, now))
    return repeat(("\n".join(lines) + "\n").encode(), path, size)


def ours(path: Path, threads: int) -> lf.LogBatch:
    """The full record, format detected."""
    return lf.read_logs(path, threads=threads, received=_RECEIVED)


def _lines(path: Path) -> pl.DataFrame:
    return pl.read_csv(
        path, has_header=False, new_columns=["line"], separator="\x01", quote_char=None
    )


def _with_time(case: Case, groups: pl.DataFrame) -> pl.DataFrame:
    stamp = pl.col("time")
    if case.name == "rfc3164":
        stamp = pl.concat_str(pl.lit("2025 "), stamp).alias("time")
    return groups.with_columns(stamp.str.to_datetime(case.time_format, time_unit="us"))


def polars(case: Case, path: Path) -> pl.DataFrame:
    """Groups as columns, by one pass of the expression, and the time parsed."""
    groups = _lines(path).select(pl.col("line").str.extract_groups(case.pattern)).unnest("line")
    return _with_time(case, groups)


def polars_each(case: Case, path: Path) -> pl.DataFrame:
    """The same with one ``str.extract`` for each column, as most programs are written."""
    names = re.compile(case.pattern).groupindex
    line = pl.col("line")
    groups = _lines(path).select(
        line.str.extract(case.pattern, index).alias(name) for name, index in names.items()
    )
    return _with_time(case, groups)


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


def _severe(logs: lf.LogBatch) -> int:
    levels = logs.to_polars()["level"].cast(pl.String)
    return int(levels.is_in(["ERROR", "CRITICAL"]).sum())


Answer = text_peers.Outcome


def _own(case: Case, path: Path, threads: int) -> Answer:
    lf.parse(b"{}")  # imports are not reading
    cpu, begin = time.process_time(), time.perf_counter()
    logs = ours(path, threads)
    took, used = time.perf_counter() - begin, time.process_time() - cpu
    assert logs.counts["rejected"] == 0
    return took, used, logs.num_rows, _severe(logs) if case.name.startswith("rfc") else None


def _timed(call: Callable[[], int]) -> Answer:
    cpu, begin = time.process_time(), time.perf_counter()
    rows = call()
    return time.perf_counter() - begin, time.process_time() - cpu, rows, None


def _python(case: Case, path: Path) -> Answer:
    with path.open(encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line, _ in zip(file, range(_RE_LINES), strict=False)]
    share = path.stat().st_size / sum(len(line.encode()) + 1 for line in lines)
    took, used, rows, _ = _timed(lambda: python_re(case, lines))
    assert rows == len(lines)
    return took * share, used * share, -1, None


READERS: dict[str, Callable[[Case, Path, int], Answer]] = {
    "logforest": _own,
    "Polars extract_groups + time": lambda c, p, _: _timed(lambda: polars(c, p).height),
    "Polars extract a column + time": lambda c, p, _: _timed(lambda: polars_each(c, p).height),
    "DuckDB regexp": lambda c, p, t: _timed(lambda: duck(c, p, t)),
    "Python re": lambda c, p, _: _python(c, p),
}
_ONE_THREAD = ("Python re",)


def one(name: str, case: Case, path: Path, threads: int) -> tuple[Answer, Answer]:
    """Run one reader in a fresh process, twice: its memory and its thread pools are its own."""
    command = [sys.executable, __file__, "--one", name, "--path", str(path)]
    command += ["--formats", case.name, "--threads", str(threads)]
    environment = {**os.environ, "POLARS_MAX_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    first, again = json.loads(done.stdout)
    return tuple(first), tuple(again)


def _programs(case: Case, path: Path) -> dict[str, Callable[[], text_peers.Outcome]]:
    found = {
        "access": {"GoAccess": lambda: text_peers.goaccess(path)},
        "logfmt": {"angle-grinder": lambda: text_peers.angle_grinder(path)},
    }
    syslog = {
        f"go-syslog, {keep}": partial(text_peers.go_syslog, case.name, path, keep)
        for keep in ("dropped", "kept")
    }
    return found.get(case.name, syslog)


def run(case: Case, path: Path, repeats: int, readers: tuple[str, ...]) -> None:
    """Time one format and print its rows."""
    if case.pattern:
        check(case, path)
    size = path.stat().st_size
    count = path.read_bytes().count(b"\n")
    seen: dict[str, list[tuple[float, float, float, float]]] = {}
    severe: set[int] = set()

    def note(name: str, *answers: Answer) -> None:
        for _, _, rows, bad in answers:
            assert rows in (count, -1), (name, rows, count)
            if bad is not None:
                severe.add(bad)
        first, again = answers[0], answers[-1]
        seen.setdefault(name, []).append((*first[:2], *again[:2]))

    programs = {
        n: p
        for n, p in _programs(case, path).items()
        if text_peers.available(n.split(",")[0]) and n.startswith(readers)
    }
    chosen = [n for n in (READERS if case.pattern else ("logforest",)) if n.startswith(readers)]
    for _ in range(repeats):
        for name in chosen:
            for threads in (1,) if name in _ONE_THREAD else (1, 2):
                note(f"{name}, {threads} thread(s)", *one(name, case, path, threads))
        for name, program in programs.items():
            note(name, program())
    assert len(severe) <= 1, severe
    medians = {
        name: [statistics.median(values) for values in zip(*runs, strict=True)]
        for name, runs in seen.items()
    }
    own = medians["logforest, 1 thread(s)"]
    print(f"\n{case.name}: {size / 1e6:.0f} MB, {size / count:.0f} B a line, median of {repeats}")
    print(f"{'':<40}{'first reading':>34}{'again':>36}")
    heads = f"{'MB/s':>8}{'MB/cpu-s':>10}{'x slower':>10}{'x cpu':>8}"
    print(f"{'':<40}{heads}{heads}")
    for name, (took, used, next_took, next_used) in medians.items():
        print(
            f"{name:<40}{size / took / 1e6:>8.0f}{size / used / 1e6:>10.0f}{took / own[0]:>10.2f}"
            f"{used / own[1]:>8.2f}{size / next_took / 1e6:>8.0f}{size / next_used / 1e6:>10.0f}"
            f"{next_took / own[2]:>10.2f}{next_used / own[3]:>8.2f}"
        )
    for name in _programs(case, path):
        if not text_peers.available(name.split(",")[0]):
            print(f"{name:<40} missing: scripts/bench_peers.sh builds it")


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=240)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--formats", default=",".join(case.name for case in CASES))
    parser.add_argument("--readers", default="", help="beginnings of names; logforest always")
    parser.add_argument("--one")
    parser.add_argument("--path", type=Path)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.one:
        case = next(case for case in CASES if case.name == options.formats)
        read = READERS[options.one]
        print(json.dumps([read(case, options.path, options.threads) for _ in range(2)]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if case.name in options.formats.split(","):
                path = Path(folder) / f"{case.name}.log"
                generate(case, path, options.megabytes * 1_000_000)
                run(case, path, options.repeat, ("logforest", *options.readers.split(",")))
                path.unlink()


if __name__ == "__main__":
    main()
