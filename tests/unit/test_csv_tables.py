"""CSV with a header line: columns by their names, quoted values over several lines, damage."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import logforest as lf

AT = datetime(2026, 5, 17, 10, 0, 1, tzinfo=UTC)


def rows(text: str | bytes, **options: Any) -> list[dict[str, Any]]:
    logs = lf.parse(text, **options)
    counts = logs.counts
    assert logs.format == "csv"
    assert counts["lines"] == sum(
        counts[name] for name in ("records", "rejected", "continuation", "blank")
    )
    found: list[dict[str, Any]] = logs.to_arrow().to_pylist()
    return found


def test_columns_become_fields() -> None:
    (row, _) = rows(
        "timestamp,level,service,message,status,duration_ms,shop\n"
        '2026-05-17T10:00:01Z,WARN,cart,"slow, and ""late""",503,12.5,north\n'
        "2026-05-17T10:00:02Z,INFO,cart,fine,200,,\n"
    )
    assert (row["timestamp"], row["level"], row["service"]) == (AT, "WARN", "cart")
    assert (row["message"], row["status_code"]) == ('slow, and "late"', 503)
    assert (row["response_time"], json.loads(row["metadata"])) == (12.5, {"shop": "north"})


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Date and Time;Level;Source;Task", "17.05.2026 10:00:01;Warning;disk;none"),
        ("time\tlevel\thost\tmsg", "1779012001\twarning\tdisk\tslow"),
        ("Date|Time|Severity|Host", "2026-05-17|10:00:01|warn|disk"),
        ('"TimeGenerated","Level","Computer"', '"2026-05-17T10:00:01.000Z","Warning","disk"'),
    ],
)
def test_separators_and_names(header: str, row: str) -> None:
    (found,) = rows(f"\ufeff{header}\r\n{row}\r\n".encode())
    assert (found["timestamp"], found["level"], found["source"]) == (AT, "WARN", "disk")


def test_other_columns_stand_in() -> None:
    (row,) = rows("Id,Date,Time,Level,Component,Content\n7,2026-05-17,10:00:01,E,till,no paper\n")
    assert (row["timestamp"], row["level"]) == (AT, "ERROR")
    assert (row["service"], row["message"]) == ("till", "no paper")


def test_values_over_several_lines_in_chunks_of_any_size() -> None:
    text = "time,level,message\n" + "".join(
        f'2026-05-17T10:00:01Z,ERROR,"no {n}\n\n  at till, {n}"\n' for n in range(3_000)
    )
    one = rows(text, threads=1, received=AT)
    assert one == rows(text, chunk_bytes=4_096, received=AT)
    assert len(one) == 3_000
    assert one[7]["message"] == "no 7\n\n  at till, 7"


def test_an_open_quote_costs_its_own_line_only() -> None:
    found = rows(
        'time,level,message\n2026-05-17T10:00:01Z,ERROR,"no\n'
        + "2026-05-17T10:00:01Z,WARN,slow\n" * 5
    )
    assert [row["level"] for row in found] == ["ERROR"] + ["WARN"] * 5


def test_rows_that_do_not_fit_are_rejected() -> None:
    good = "2026-05-17T10:00:01Z,ERROR,no paper\n"
    logs = lf.parse(
        "time,level,message\n" + good * 5 + "2026-05-17T10:00:01Z,ERROR\nsoon,INFO,x\n" + good
    )
    assert (logs.format, logs.num_rows) == ("csv", 6)
    assert logs.rejected["reason"].to_pylist() == ["truncated", "invalid_header"]


def test_the_header_may_come_again() -> None:
    part = "time,level,message\n2026-05-17T10:00:01Z,ERROR,no paper\n"
    assert len(rows(part * 3)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "Today, the time, was here\nand so on\n",
        "time, level and message\nfirst words\nsecond words\n",
        "Time, level, text:\n2026-05-17 10:00:01 ERROR no paper\n",
    ],
)
def test_prose_is_no_header(text: str) -> None:
    logs = lf.parse(text)
    assert logs.format != "csv"
    assert logs.num_rows == text.count("\n")
