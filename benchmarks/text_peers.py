"""Whole programs that read logs, as peers: GoAccess, lnav, go-syslog (a small Go program) and
angle-grinder.

``scripts/bench_peers.sh`` builds or installs them into ``build/peers``; what is missing there and
in PATH is left out. They use as many threads as they like: what a benchmark calls one thread is one
processor, to which the program is bound.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "build" / "peers"
Outcome = tuple[float, float, int, int | None]  # seconds, of the processor, records, severe ones
_PROGRAMS = {
    "GoAccess": "goaccess",
    "lnav": "lnav",
    "go-syslog": "go_syslog",
    "angle-grinder": "agrind",
}


@contextlib.contextmanager
def processors(count: int) -> Iterator[None]:
    """What is started inside runs on that many processors, however many threads it has."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _find(name: str) -> str | None:
    return shutil.which(_PROGRAMS[name], path=f"{FOLDER}:{FOLDER}/bin:{os.environ['PATH']}")


def available(name: str) -> bool:
    """Whether the program is there."""
    return _find(name) is not None


def _run(name: str, *arguments: str, **environment: str) -> tuple[float, float, str]:
    program = _find(name)
    assert program is not None
    used = os.times()
    begin = time.perf_counter()
    done = subprocess.run(
        [program, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    took = time.perf_counter() - begin
    now = os.times()
    cpu = now.children_user - used.children_user + now.children_system - used.children_system
    return took, cpu, done.stdout


def goaccess(path: Path) -> Outcome:
    """The whole report as JSON: GoAccess cannot parse without counting."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        took, cpu, _ = _run(
            "GoAccess", str(path), "--log-format=COMBINED", "--no-global-config", "--no-progress",
            f"--output={report}",
        )  # fmt: skip
        general = json.loads(report.read_text(encoding="utf-8"))["general"]
    return took, cpu, int(general["valid_requests"]), None


def go_syslog(kind: str, path: Path, keep: str) -> Outcome:
    """Each line through the machine of go-syslog, one machine for each processor it may use; the
    seconds are its own, of parsing alone."""
    _, cpu, out = _run("go-syslog", kind, str(path), keep)
    took, rows, severe = out.split()
    return float(took), cpu, int(rows), int(severe)


def lnav(path: Path) -> Outcome:
    """Its table of the file, all rows of it; lnav splits a line when its fields are asked for."""
    with tempfile.TemporaryDirectory() as folder:
        question = ";SELECT count(*), sum(sc_status), max(c_ip) FROM access_log"
        # Otherwise it keeps what it saw of the file in the home folder.
        took, cpu, out = _run(
            "lnav", "-n", "-c", question, "-c", ":write-csv-to -", str(path), HOME=folder
        )
    return took, cpu, int(out.splitlines()[1].split(",")[0]), None


def angle_grinder(operator: str, path: Path) -> Outcome:
    """Fields of each line, then a count."""
    took, cpu, out = _run("angle-grinder", "-f", str(path), f"* | {operator} | count")
    return took, cpu, int(re.findall(r"\d+", out)[-1]), None
