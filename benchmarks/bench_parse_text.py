"""Access logs, RFC 5424 and RFC 3164 against regex columns of Polars, DuckDB and Python's re.

Ours builds the full record (detection, rejects, levels, metadata, fingerprint, category); the peers
extract the header fields with a regular expression and parse the time. For access logs that is the
expression of most users, grok's COMBINEDAPACHELOG with its named groups ("grok"; without its
lookbehinds and atomic groups, which linear engines do not have and which change nothing here), once
with one pass for all groups, once with one ``str.extract`` a column; and besides one tuned by hand
for speed ("tuned": no alternatives, and bytes that are no log pass), which only somebody who knows
the engine would write: it is by far the harder peer. Where no name stands behind Polars, the
expression is a tuned one. GoAccess, lnav, go-syslog (the file in memory; its messages dropped, or
kept as ours are) and angle-grinder are whole programs (scripts/bench_peers.sh; those that are
missing are named). Results are compared on a slice before anything is timed, the number of records
and of severe ones after it.

Every reader runs in a process of its own, with as many threads as said (Polars by
POLARS_MAX_THREADS), bound to as many processors: whole programs use several threads unasked. Runs
are interleaved and the median of ``--repeat`` counts. The first reading of a process also pays for
memory that is new to it; "again" is the one after it, as in a service (a whole program has only
first ones). "MB/s" is by the clock on the wall, "MB/cpu-s" by the seconds of all processors. Ratios
are against ours with as many threads, "x slower" by the clock, "x cpu" by processor. Two threads
cannot be faster than the machine lets two processes be: "two processes at once" is how much more
two of ours, one thread each and each with its own file, read in a second than one of them alone.

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
    usual: str = ""  # what most users write instead of `pattern`


_OCTET = r"(?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])"
_IPV4 = rf"(?:{_OCTET}[.]{_OCTET}[.]{_OCTET}[.]{_OCTET})"
_IPV6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?"
_HOSTNAME = r"\b(?:[0-9A-Za-z][0-9A-Za-z-]{0,62})(?:\.(?:[0-9A-Za-z][0-9A-Za-z-]{0,62}))*(?:\.?|\b)"
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_MONTH = (
    r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|Jun(?:e)?|Jul(?:y)?|Aug(?:ust)?|"
    r"Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b"
)
_DATE = (
    rf"(?:0[1-9]|[12][0-9]|3[01]|[1-9])/{_MONTH}/(?:\d\d){{1,2}}:"
    r"(?:2[0123]|[01]?[0-9]):[0-5][0-9]:(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)? [+-]?[0-9]+"
)
_USER = r"[a-zA-Z0-9._-]+"
_QUOTED = r"""(?:"(?:\\.|[^\\"])*"|'(?:\\.|[^\\'])*'|`(?:\\.|[^\\`])*`)"""
# Logstash's COMBINEDAPACHELOG, its parts written out; that of IPv6 in short, which is faster.
_COMBINEDAPACHELOG = (
    rf"(?P<ip>(?:{_IPV6}|{_IPV4}|{_HOSTNAME})) "
    rf"(?P<ident>{_USER}@{_HOSTNAME}|{_USER}) (?P<user>{_USER}) \[(?P<time>{_DATE})\] "
    rf'"(?:(?P<method>\b\w+\b) (?P<path>\S+)(?: HTTP/(?P<protocol>{_NUMBER}))?|(?P<raw>.*?))" '
    rf"(?P<status>{_NUMBER}) (?:(?P<bytes>{_NUMBER})|-) "
    rf"(?P<referrer>{_QUOTED}) (?P<agent>{_QUOTED})"
)

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
        _COMBINEDAPACHELOG,
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


def _typed(case: Case, groups: pl.DataFrame) -> pl.DataFrame:
    numbers = [name for name in ("status", "bytes", "pri", "pid") if name in groups.columns]
    return _with_time(case, groups).with_columns(
        pl.col(name).cast(pl.Int64, strict=False) for name in numbers
    )


def polars(case: Case, pattern: str, path: Path) -> pl.DataFrame:
    """Groups as columns, by one pass of the expression, the time parsed and numbers cast."""
    groups = _lines(path).select(pl.col("line").str.extract_groups(pattern)).unnest("line")
    return _typed(case, groups)


def polars_each(case: Case, pattern: str, path: Path) -> pl.DataFrame:
    """The same with one ``str.extract`` for each column."""
    names = re.compile(pattern).groupindex
    line = pl.col("line")
    groups = _lines(path).select(
        line.str.extract(pattern, index).alias(name) for name, index in names.items()
    )
    return _typed(case, groups)


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
        frames = [polars(case, p, Path(part.name)) for p in (case.pattern, case.usual) if p]
        mine = ours(Path(part.name), 1).head(_SLICE).to_polars()
    stamps = mine["timestamp"].dt.replace_time_zone(None).to_list()
    for theirs in (frame.head(_SLICE) for frame in frames):
        for column, group in case.checked.items():
            values = theirs[group].cast(pl.String).to_list()
            assert mine[column].cast(pl.String).to_list() == values, column
        assert stamps == theirs["time"].dt.replace_time_zone(None).to_list()


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
    "Polars grok, one pass": lambda c, p, _: _timed(lambda: polars(c, c.usual, p).height),
    "Polars grok, a pass a column": lambda c, p, _: _timed(
        lambda: polars_each(c, c.usual, p).height
    ),
    "Polars tuned, one pass": lambda c, p, _: _timed(lambda: polars(c, c.pattern, p).height),
    "Polars tuned, a pass a column": lambda c, p, _: _timed(
        lambda: polars_each(c, c.pattern, p).height
    ),
    "DuckDB regexp": lambda c, p, t: _timed(lambda: duck(c, p, t)),
    "Python re": lambda c, p, _: _python(c, p),
}
_ONE_THREAD = ("Python re",)


def one(name: str, case: Case, path: Path, threads: int) -> tuple[Answer, Answer]:
    """Run one reader in a fresh process, twice: its memory and its thread pools are its own."""
    command = [sys.executable, __file__, "--one", name, "--path", str(path)]
    command += ["--formats", case.name, "--threads", str(threads)]
    environment = {**os.environ, "POLARS_MAX_THREADS": str(threads)}
    with text_peers.processors(threads):
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    first, again = json.loads(done.stdout)
    return tuple(first), tuple(again)


def two_processes(case: Case, path: Path, alone: float) -> float:
    """How much more two of our processes read in a second than one, second readings of each."""
    command = [sys.executable, __file__, "--one", "logforest", "--path", str(path)]
    command += ["--formats", case.name, "--threads", "1"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    times = [json.loads(process.communicate()[0])[1][0] for process in both]
    assert all(process.returncode == 0 for process in both)
    return sum(alone / took for took in times)


def _programs(case: Case, path: Path) -> dict[str, Callable[[], text_peers.Outcome]]:
    if case.name == "access":
        return {
            "GoAccess": lambda: text_peers.goaccess(path),
            "lnav": lambda: text_peers.lnav(path),
            "angle-grinder": lambda: text_peers.angle_grinder("apache", path),
        }
    if case.name == "logfmt":
        return {"angle-grinder": lambda: text_peers.angle_grinder("logfmt", path)}
    return {
        "go-syslog, dropped": lambda: text_peers.go_syslog(case.name, path, "dropped"),
        "go-syslog, kept": lambda: text_peers.go_syslog(case.name, path, "kept"),
    }


def _readers(case: Case) -> list[str]:
    if not case.pattern:
        return ["logforest"]
    return [name for name in READERS if case.usual or " grok" not in name]


def _table(
    case: Case, path: Path, repeats: int, medians: dict[tuple[str, int], list[float]]
) -> None:
    size = path.stat().st_size
    line = size / path.read_bytes().count(b"\n")
    print(f"\n{case.name}: {size / 1e6:.0f} MB, {line:.0f} B a line, median of {repeats}")
    print(f"{'':<40}{'first reading':>34}{'again':>36}")
    heads = f"{'MB/s':>8}{'MB/cpu-s':>10}{'x slower':>10}{'x cpu':>8}"
    print(f"{'':<40}{heads}{heads}")
    for (name, threads), (took, used, next_took, next_used) in medians.items():
        own = medians["logforest", threads]
        print(
            f"{f'{name}, {threads} thread(s)':<40}"
            f"{size / took / 1e6:>8.0f}{size / used / 1e6:>10.0f}{took / own[0]:>10.2f}"
            f"{used / own[1]:>8.2f}{size / next_took / 1e6:>8.0f}{size / next_used / 1e6:>10.0f}"
            f"{next_took / own[2]:>10.2f}{next_used / own[3]:>8.2f}"
        )


def run(case: Case, path: Path, repeats: int, readers: tuple[str, ...]) -> None:
    """Time one format and print its rows."""
    if case.pattern:
        check(case, path)
    count = path.read_bytes().count(b"\n")
    seen: dict[tuple[str, int], list[tuple[float, float, float, float]]] = {}
    severe: set[int] = set()
    twice: list[float] = []

    def note(name: str, threads: int, *answers: Answer) -> None:
        for _, _, rows, bad in answers:
            assert rows in (count, -1), (name, rows, count)
            if bad is not None:
                severe.add(bad)
        first, again = answers[0], answers[-1]
        seen.setdefault((name, threads), []).append((*first[:2], *again[:2]))

    programs = _programs(case, path)
    missing = [name for name in programs if not text_peers.available(name.split(",")[0])]
    for _ in range(repeats):
        for name in _readers(case):
            if not name.startswith(readers):
                continue
            for threads in (1,) if name in _ONE_THREAD else (1, 2):
                note(name, threads, *one(name, case, path, threads))
        twice.append(two_processes(case, path, seen["logforest", 1][-1][2]))
        for name, program in programs.items():
            if name in missing or not name.startswith(readers):
                continue
            for threads in (1, 2):
                with text_peers.processors(threads):
                    note(name, threads, program())
    assert len(severe) <= 1, severe
    medians = {
        name: [statistics.median(values) for values in zip(*runs, strict=True)]
        for name, runs in seen.items()
    }
    _table(case, path, repeats, medians)
    own, two = medians["logforest", 1], medians["logforest", 2]
    print(
        f"two threads: {own[0] / two[0]:.2f} x one on the first reading, {own[2] / two[2]:.2f} x "
        f"again; two processes at once: {statistics.median(twice):.2f} x again"
    )
    for name in missing:
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
