"""Whole programs that read logs, as peers: GoAccess, go-syslog (a small Go program), angle-grinder.

``scripts/bench_peers.sh`` builds or installs them into ``build/peers``; what is missing there and
in PATH is left out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "build" / "peers"
Outcome = tuple[float, float, int, int | None]  # seconds, of the processor, records, severe ones
_PROGRAMS = {"GoAccess": "goaccess", "go-syslog": "go_syslog", "angle-grinder": "agrind"}


def _find(name: str) -> str | None:
    return shutil.which(_PROGRAMS[name], path=f"{FOLDER}:{FOLDER}/bin:{os.environ['PATH']}")


def available(name: str) -> bool:
    """Whether the program is there."""
    return _find(name) is not None


def _run(name: str, *arguments: str) -> tuple[float, float, str]:
    program = _find(name)
    assert program is not None
    used = os.times()
    begin = time.perf_counter()
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True, check=True)
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
    """Each line through the machine of go-syslog; the seconds are its own, of parsing alone."""
    _, cpu, out = _run("go-syslog", kind, str(path), keep)
    took, rows, severe = out.split()
    return float(took), cpu, int(rows), int(severe)


def angle_grinder(path: Path) -> Outcome:
    """Pairs of each line, then a count."""
    took, cpu, out = _run("angle-grinder", "-f", str(path), "* | logfmt | count")
    return took, cpu, int(re.findall(r"\d+", out)[-1]), None
