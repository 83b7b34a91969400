"""What bad lines cost: one line in a hundred damaged, each kind of damage by itself.

Usage: python benchmarks/bench_bad_lines.py [--megabytes 60] [--rounds 15] [--formats json,...]

For every format and kind the clean and the damaged file are read in turn, in one process and one
thread, after one reading of each that does not count; the cost is the median over the rounds of
the damaged time over the clean time next to it, per byte. The formats are detected, as users read
them; a damaged line that some other format understands is a record of that format, so the column
"rejected" says how many of the damaged ones were refused. No record next to a damaged line may be
missing.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bench_parse_text
import parse_data

import logforest as lf

Damage = Callable[[bytes], bytes]
_RECEIVED = 1_748_736_000.0
_ANY: dict[str, Damage] = {
    "cut in half": lambda line: line[: len(line) // 2],
    "not UTF-8": lambda line: line[:40] + b"\xff" + line[41:],
    "NUL inside": lambda line: line[:40] + b"\x00" + line[41:],
    "colours": lambda line: b"\x1b[31m" + line + b"\x1b[0m",
    "stray quote": lambda line: line + b'"',
}
_OF_FORMAT: dict[str, dict[str, Damage]] = {
    "json": {
        "a colon less": lambda line: line.replace(b":", b"", 1),
        "no object": lambda line: b"[1,2]",
    },
    "access": {
        "no request": lambda line: line.replace(b'"', b"", 2),
        "bad date": lambda line: line.replace(b"/May/", b"/Foo/"),
    },
    "rfc5424": {
        "open bracket": lambda line: line.replace(b"]", b"", 1),
        "bad date": lambda line: line.replace(b"T", b" ", 1),
    },
    "rfc3164": {"bad priority": lambda line: b"<999>" + line[line.find(b">") + 1 :]},
    "logfmt": {"open quote": lambda line: line.replace(b"message=", b'message="', 1)},
}


def _damaged(lines: list[bytes], damage: Damage) -> tuple[bytes, int]:
    rng = random.Random(1)
    chosen = [rng.random() < 0.01 for _ in lines]
    out = [damage(line) if bad else line for line, bad in zip(lines, chosen, strict=True)]
    return b"\n".join(out) + b"\n", sum(chosen)


def _read(path: Path) -> tuple[float, lf.LogBatch]:
    begin = time.perf_counter()
    logs = lf.read_logs(path, threads=1, received=_RECEIVED)
    return time.perf_counter() - begin, logs


def _cost(clean: Path, bad: Path, rounds: int) -> float:
    """Time for a byte of the damaged file over that of the clean one, minus 1."""
    ratios = []
    for round_ in range(rounds + 1):
        # Who is first changes, so that neither always finds the other's memory.
        order = (clean, bad) if round_ % 2 else (bad, clean)
        took = {path: _read(path)[0] / path.stat().st_size for path in order}
        if round_:
            ratios.append(took[bad] / took[clean])
    return statistics.median(ratios) - 1


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--formats", default="json,access,rfc5424,rfc3164,logfmt")
    options = parser.parse_args()
    size = options.megabytes * 1_000_000
    cases = {case.name: case for case in bench_parse_text.CASES}
    print(f"{'1 % of the lines damaged':<28}{'lines':>10}{'damaged':>9}{'rejected':>10}{'cost':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats.split(","):
            clean, bad = Path(folder) / f"{name}.log", Path(folder) / "damaged.log"
            if name == "json":
                parse_data.ndjson(clean, size)
            else:
                bench_parse_text.generate(cases[name], clean, size)
            lines = clean.read_bytes().splitlines()
            for kind, damage in {**_ANY, **_OF_FORMAT[name]}.items():
                text, count = _damaged(lines, damage)
                bad.write_bytes(text)
                counts = _read(bad)[1].counts
                assert counts["lines"] == len(lines), (name, kind, counts)
                assert counts["records"] + counts["continuation"] >= len(lines) - count
                cost = _cost(clean, bad, options.rounds)
                print(
                    f"{name + ', ' + kind:<28}{len(lines):>10}{count:>9}"
                    f"{counts['rejected']:>10}{cost:>+8.1%}"
                )


if __name__ == "__main__":
    main()
