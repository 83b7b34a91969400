"""Loghub's systems: header fields equal to the structured tables, the format found by itself."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.paths import SHARED

import logforest as lf

ROOT = SHARED / "data" / "loghub_2k"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="no shared data")

Row = dict[str, Any]
Pairs = list[tuple[Any, Any]]


def syslog(r: Row, c: Row, month: str, day: str) -> Pairs:
    return [
        (r["timestamp"].strftime("%b"), c[month]),
        (r["timestamp"].day, int(c[day])),
        (r["timestamp"].strftime("%H:%M:%S"), c["Time"]),
    ]


def stamped(r: Row, c: Row, date: str, time: str) -> Pairs:
    return [(r["timestamp"].strftime(date), c["Date"]), (r["timestamp"].strftime(time), c["Time"])]


SYSTEMS: dict[str, tuple[str, Callable[[Row, Row], Pairs]]] = {
    "Apache": (
        "apache_error",
        lambda r, c: [
            (r["timestamp"].strftime("%a %b %d %H:%M:%S %Y"), c["Time"]),
            (r["level"], {"notice": "INFO", "error": "ERROR", "warn": "WARN"}[c["Level"]]),
        ],
    ),
    "BGL": (
        "labelled",
        lambda r, c: [
            (int(r["timestamp"].timestamp()), int(c["Timestamp"])),
            (r["metadata"]["label"], c["Label"]),
            (r["source"], c["Node"]),
            (r["metadata"]["location"], c["NodeRepeat"]),
            (r["metadata"]["local_time"], c["Time"]),
            (r["metadata"]["type"], c["Type"]),
            (r["service"], c["Component"]),
            (
                r["level"],
                {
                    "INFO": "INFO",
                    "FATAL": "CRITICAL",
                    "ERROR": "ERROR",
                    "SEVERE": "ERROR",
                    "WARNING": "WARN",
                    "FAILURE": "ERROR",
                }[c["Level"]],
            ),
        ],
    ),
    "HDFS": (
        "applog",
        lambda r, c: [
            *stamped(r, c, "%y%m%d", "%H%M%S"),
            (str(r["metadata"]["pid"]), c["Pid"]),
            (r["level"], c["Level"]),
            (r["service"], c["Component"]),
        ],
    ),
    "Linux": (
        "rfc3164",
        lambda r, c: [
            *syslog(r, c, "Month", "Date"),
            (r["source"], c["Level"]),
            (r["service"], c["Component"]),
            (str(r["metadata"].get("pid", "")), c["PID"].removesuffix(".0")),
        ],
    ),
    "OpenSSH": (
        "rfc3164",
        lambda r, c: [
            *syslog(r, c, "Date", "Day"),
            (r["source"], c["Component"]),
            (r["service"], "sshd"),
            (str(r["metadata"]["pid"]), c["Pid"]),
        ],
    ),
    "Proxifier": (
        "proxifier",
        lambda r, c: [
            (r["timestamp"].strftime("%m.%d %H:%M:%S"), c["Time"]),
            (r["service"], c["Program"]),
        ],
    ),
    "Spark": (
        "applog",
        lambda r, c: [
            *stamped(r, c, "%y/%m/%d", "%H:%M:%S"),
            (r["level"], c["Level"]),
            (r["service"], c["Component"]),
        ],
    ),
    "Zookeeper": (
        "applog",
        lambda r, c: [
            (r["timestamp"].strftime("%Y-%m-%d"), c["Date"]),
            (r["timestamp"].strftime("%H:%M:%S,%f")[:-3], c["Time"]),
            (r["level"], c["Level"]),
            # The table cuts "thread:class@line" at its first colon.
            (
                "{thread}:{logger}@{caller}".format(**r["metadata"]),
                f"{c['Node']}:{c['Component']}@{c['Id']}",
            ),
        ],
    ),
}


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_header_fields_equal_the_structured_table(system: str) -> None:
    log = ROOT / system / f"{system}_2k.log"
    logs = lf.read_logs(log)
    name, pairs = SYSTEMS[system]
    assert logs.format == name
    with open(f"{log}_structured.csv", encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    rows = logs.to_arrow().to_pylist()
    assert logs.counts["rejected"] == 0
    assert len(rows) == len(table) == 2000
    for row, entry in zip(rows, table, strict=True):
        row["metadata"] = json.loads(row["metadata"] or "{}")
        found = [*pairs(row, entry), (row["message"], entry["Content"].strip())]
        assert [got for got, _ in found] == [want for _, want in found], entry["LineId"]


FILES = sorted(
    path
    for folder in ("loghub_2k", "raw_logs", "syslog", "app_logs", "access_logs")
    for path in (SHARED / "data" / folder).rglob("*")
    if path.is_file()
)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_every_line_of_every_file_is_accounted_for(path: Any) -> None:
    raw = path.read_bytes()
    counts = lf.read_logs(path).counts
    assert counts["lines"] == raw.count(b"\n") + (raw[-1:] not in (b"\n", b""))
    parts = ("records", "rejected", "continuation", "blank")
    assert counts["lines"] == sum(counts[key] for key in parts)
    for options in ({"threads": 2, "chunk_bytes": 5000}, {"threads": 1, "chunk_bytes": 777}):
        assert lf.read_logs(path, **options).counts == counts
