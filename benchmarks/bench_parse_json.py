"""NDJSON and logfmt into columns, against the readers that Python users have.

Usage: python benchmarks/bench_parse_json.py [--megabytes 240] [--rounds 3]

Every reader builds the typed columns of the file (ten fields: texts, an integer, a double, the
stamp as a timestamp, the two of the nested metadata), in a process of its own, with as many threads
as said (Polars by POLARS_MAX_THREADS). What each does:

- logforest: columns by name and type of its record, whatever the keys are called; levels and
  services as dictionaries, metadata as JSON text; besides, fingerprint and category of the message.
- DuckDB: into a table of the types given; its time is parsed by the reader, metadata stays JSON.
- Polars: schema given, metadata a struct of its two fields; it has no reader for time in NDJSON, so
  the stamp is a column of text that is converted (its format is given, which is the faster way).
- pyarrow.json: types guessed from the first block, the stamp by the reader, metadata a struct.

The first reading of a process also pays for memory that is new to it; "again" is the median of the
two that follow it in the same process, as in a service. Rounds are interleaved; the median of each
counts. "MB/s" is by the clock on the wall, "MB/cpu-s" by the seconds of all processors, so that
waiting and threads nobody asked for show; both ratios are given. Results are asserted equal: rows,
the sum of the statuses, the number of errors, the first and last stamp. What single bad lines cost,
kind by kind, is measured by bench_bad_lines.py.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import parse_data

Answer = tuple[int, int, int, int, int]
Spent = tuple[float, float]  # seconds, seconds of the processor
_DUCKDB_TYPES = (
    "{timestamp:'TIMESTAMP',level:'VARCHAR',service:'VARCHAR',message:'VARCHAR',path:'VARCHAR',"
    "status:'SMALLINT',duration_ms:'DOUBLE',user_id:'VARCHAR',metadata:'JSON'}"
)


def _now() -> Spent:
    return time.perf_counter(), time.process_time()


def _since(begin: Spent) -> Spent:
    return time.perf_counter() - begin[0], time.process_time() - begin[1]


def _logforest(path: Path, threads: int, format: str) -> tuple[Spent, Answer]:
    import pyarrow.compute as pc

    import logforest as lf

    lf.parse(b"{}")  # imports are not reading
    begin = _now()
    logs = lf.read_logs(path, format=format, threads=threads)
    took = _since(begin)
    stamps = pc.min_max(logs["timestamp"].cast("int64")).as_py()
    errors = pc.sum(pc.equal(logs["level"].cast("string"), "ERROR")).as_py()
    return took, (
        logs.num_rows, pc.sum(logs["status_code"]).as_py(), errors, stamps["min"], stamps["max"]
    )  # fmt: skip


def _duckdb(path: Path, threads: int, _: str) -> tuple[Spent, Answer]:
    import duckdb

    connection = duckdb.connect(config={"threads": threads})
    source = f"read_json('{path}', format='newline_delimited', columns={_DUCKDB_TYPES})"
    begin = _now()
    connection.execute(f"create temp table logs as select * from {source}")
    took = _since(begin)
    rows, statuses, errors, first, last = connection.execute(
        "select count(*), sum(status), count(*) filter (level = 'error'), "
        "epoch_us(min(timestamp)), epoch_us(max(timestamp)) from logs"
    ).fetchall()[0]
    return took, (rows, int(statuses), errors, first, last)


def _polars(path: Path, _threads: int, _: str) -> tuple[Spent, Answer]:
    import polars as pl

    schema = {
        "timestamp": pl.String, "level": pl.String, "service": pl.String, "message": pl.String,
        "path": pl.String, "status": pl.Int64, "duration_ms": pl.Float64, "user_id": pl.String,
        "metadata": pl.Struct({"region": pl.String, "build": pl.Int64}),
    }  # fmt: skip
    begin = _now()
    frame = pl.read_ndjson(path, schema=schema).with_columns(
        pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us")
    )
    took = _since(begin)
    stamps = frame["timestamp"].to_physical()
    return took, (
        len(frame), int(frame["status"].cast(pl.Int64).sum()),
        int((frame["level"] == "error").sum()), stamps.min(), stamps.max(),
    )  # fmt: skip


def _pyarrow(path: Path, threads: int, _: str) -> tuple[Spent, Answer]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.json as pj

    begin = _now()
    table = pj.read_json(path, pj.ReadOptions(use_threads=threads > 1, block_size=1 << 22))
    took = _since(begin)
    stamps = table["timestamp"]
    if not pa.types.is_timestamp(stamps.type):
        stamps = stamps.cast(pa.timestamp("us", "UTC"))
    edges = pc.min_max(stamps.cast(pa.timestamp("us", "UTC")).cast("int64")).as_py()
    errors = pc.sum(pc.equal(table["level"], "error")).as_py()
    total = pc.sum(table["status"]).as_py()
    return took, (table.num_rows, total, errors, edges["min"], edges["max"])


READERS: dict[str, Callable[[Path, int, str], tuple[Spent, Answer]]] = {
    "logforest": _logforest,
    "DuckDB read_json, schema given": _duckdb,
    "Polars read_ndjson, schema and time": _polars,
    "pyarrow.json": _pyarrow,
}


def one(name: str, path: Path, threads: int, format: str) -> tuple[Spent, Spent, Answer]:
    """Run one reader in a fresh process: its memory and its thread pools are its own. The first
    reading and the median of the next two."""
    command = [sys.executable, __file__, "--one", name, "--path", str(path)]
    command += ["--threads", str(threads), "--format", format]
    environment = {**os.environ, "POLARS_MAX_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    readings = json.loads(done.stdout)
    (first, answer), *others = readings
    assert all(other == answer for _, other in others)
    return tuple(first), _median([tuple(spent) for spent, _ in others]), tuple(answer)


def _median(runs: list[Spent]) -> Spent:
    return statistics.median(t for t, _ in runs), statistics.median(c for _, c in runs)


def _with_bad_lines(source: Path, target: Path) -> int:
    """One line in a hundred is damaged, in five ways. Written at once, as the clean file is: the
    page cache keeps what comes in small writes in small pieces, which read more slowly."""
    rng = random.Random(1)
    bad = 0
    out = io.BytesIO()
    with source.open("rb") as lines:
        for line in lines:
            if rng.random() < 0.01:
                bad += 1
                body = line[:-1]
                damaged = rng.choice(
                    (body[: len(body) // 2], body.replace(b":", b"", 1), body + b'"',
                     body[:40] + b"\xff" + body[41:], b"[1,2]")
                )  # fmt: skip
                out.write(damaged + b"\n")
            else:
                out.write(line)
    target.write_bytes(out.getbuffer())
    return bad


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one")
    parser.add_argument("--path", type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--format")
    arguments = parser.parse_args()
    if arguments.one:
        read = READERS[arguments.one]
        job = arguments.path, arguments.threads, arguments.format
        print(json.dumps([read(*job) for _ in range(3)]))
        return
    with tempfile.TemporaryDirectory() as folder:
        _run(Path(folder), arguments.megabytes, arguments.rounds)


def _run(folder: Path, megabytes: int, rounds: int) -> None:
    clean, dirty, pairs = folder / "clean.ndjson", folder / "dirty.ndjson", folder / "app.logfmt"
    parse_data.ndjson(clean, megabytes * 1_000_000)
    parse_data.logfmt(pairs, megabytes * 1_000_000)
    _with_bad_lines(clean, dirty)
    seen: dict[tuple[str, int], list[Spent]] = {}
    later: dict[tuple[str, int], list[Spent]] = {}
    answers: dict[str, set[Answer]] = {}
    jobs = [(name, "json", clean) for name in READERS]
    jobs += [("logforest", "json", dirty), ("logforest", "logfmt", pairs)]
    for _ in range(rounds):
        for name, format, path in jobs:
            for threads in (1, 2):
                key = f"{name} ({path.name})", threads
                spent, again, answer = one(name, path, threads, format)
                seen.setdefault(key, []).append(spent)
                later.setdefault(key, []).append(again)
                answers.setdefault(path.name, set()).add(answer)
    assert all(len(found) == 1 for found in answers.values()), answers
    sizes = {path.name: path.stat().st_size for _, _, path in jobs}
    own = "logforest (clean.ndjson)"
    for title, runs in (("first reading", seen), ("again", later)):
        spent = {key: _median(values) for key, values in runs.items()}
        print(
            f"\n{title + ', median of ' + str(rounds):<52}{'MB/s':>14}{'MB/cpu-s':>14}"
            f"{'x slower':>14}{'x cpu':>8}"
        )
        print(f"{'threads':<52}" + f"{'1':>7}{'2':>7}" * 3 + f"{'1':>8}")
        for name, _, path in jobs:
            label = f"{name} ({path.name})"
            both = [spent[label, threads] for threads in (1, 2)]
            row = [f"{sizes[path.name] / wall / 1e6:>7.0f}" for wall, _ in both]
            row += [f"{sizes[path.name] / used / 1e6:>7.0f}" for _, used in both]
            row += [f"{spent[label, t][0] / spent[own, t][0]:>7.2f}" for t in (1, 2)]
            print(f"{label:<52}{''.join(row)}{both[0][1] / spent[own, 1][1]:>8.2f}")
        slower = spent["logforest (dirty.ndjson)", 1][0] / spent[own, 1][0] - 1
        scale = spent[own, 1][0] / spent[own, 2][0]
        print(f"two threads: {scale:.2f} x one; 1 % bad lines cost {slower:+.1%}")


if __name__ == "__main__":
    main()
