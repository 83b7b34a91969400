"""Stamps and headers in the forms that programs usually give them, whatever system wrote them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import logforest as lf

RECEIVED = datetime(2025, 11, 23, tzinfo=UTC)

STAMPS = {
    "2025-11-22, 10:00:01": "10:00:01",
    "2025-11-22 10:00:01:123": "10:00:01.123",
    "2025-11-22-10:00:01": "10:00:01",
    "2025-11-22-10.00.01.123456": "10:00:01.123456",
    "2025-11-22-10.00.01.123456+060": "09:00:01.123456",
    "2025-11-22 10.00.01": "10:00:01",
    "2025-11-22_10:00:01": "10:00:01",
    "2025-11-22 1:00:01": "01:00:01",
    "2025-11-22 10:00:01 GMT+1": "09:00:01",
    "2025-11-22 10:00:01 UTC-2": "12:00:01",
    "2025-11-22 10:00:01 CEST": "08:00:01",
    "2025-11-22 10:00:01 +01:00": "09:00:01",
    "251122-10:00:01": "10:00:01",
    "20251122T100001.123Z": "10:00:01.123",
    "11/22 10:00:01": "10:00:01",
    "11/22/2025, 10:00:01 PM": "22:00:01",
    "22.11.2025, 10:00:01": "10:00:01",
    "22-Nov-2025::10:00:01": "10:00:01",
    "22 Nov 10:00:01": "10:00:01",
    "22 Nov 2025 10:00:01,123": "10:00:01.123",
    "Nov-22-2025 10:00:01": "10:00:01",
    "Nov 22, 2025 @ 10:00:01.123": "10:00:01.123",
    "November 22, 2025 10:00:01": "10:00:01",
    "2025/Nov/22 10:00:01": "10:00:01",
    "2025-Nov-22 10:00:01.123456": "10:00:01.123456",
    "2025 Nov 22 10:00:01": "10:00:01",
    "2025.11.22-10.00.01:123": "10:00:01.123",
    "2025.11.22_10.00.01": "10:00:01",
    "22Nov2025 10:00:01.123": "10:00:01.123",
    "nov/22/2025 10:00:01": "10:00:01",
    "Sat Nov 22 10:00:01 CET 2025": "09:00:01",
    "1763805601.123": "10:00:01.123",
}
SPLIT = {
    'date=2025-11-22 time=10:00:01 unit=till7 msg="no stock"': "10:00:01",
    '{"date":"2025-11-22","time":"10:00:01.250","msg":"no stock"}': "10:00:01.250",
    '{"date":"22.11.2025","time":"10:00","msg":"no stock"}': "10:00",
}
NO_STAMPS = (
    "2025-11-22 10.10.10.10 is an address",
    "2025-11-22 1:2:3 is a ratio",
    "13/32 10:00:01 of a line",
    "Nov-22-x 10:00:01 of a name",
    "22 Nov 25:00:01 of a day",
)


def first(text: str) -> dict[str, Any]:
    logs = lf.parse((text + "\n") * 3, received=RECEIVED)
    assert logs.rejected.num_rows == 0, logs.rejected.to_pylist()
    rows: list[dict[str, Any]] = logs.to_arrow().to_pylist()
    assert len(rows) == 3
    return rows[0]


@pytest.mark.parametrize("shape", ["{0} ERROR out of paper", "[{0}] ERROR out of paper", "json"])
@pytest.mark.parametrize("stamp", STAMPS)
def test_stamps(stamp: str, shape: str) -> None:
    if shape == "json":
        line = json.dumps({"ts": stamp, "level": "error", "msg": "out of paper"})
    else:
        line = shape.format(stamp)
    row = first(line)
    expected = datetime.fromisoformat(f"2025-11-22 {STAMPS[stamp]}+00:00")
    assert (row["timestamp"], row["level"], row["message"]) == (expected, "ERROR", "out of paper")


@pytest.mark.parametrize("line", SPLIT)
def test_day_and_clock_in_two_fields(line: str) -> None:
    row = first(line)
    expected = datetime.fromisoformat(f"2025-11-22 {SPLIT[line]}+00:00")
    assert (row["timestamp"], row["message"]) == (expected, "no stock")


@pytest.mark.parametrize("line", NO_STAMPS)
def test_no_clock_is_read_out_of_other_numbers(line: str) -> None:
    assert first(line)["timestamp"] in (RECEIVED, datetime(2025, 11, 22, tzinfo=UTC))


HEADERS: dict[str, dict[str, Any]] = {
    # The logger in brackets, the thread in parentheses, in either order.
    "2025-11-22 10:00:01,123 WARN  [org.shop.cart] (main) slow": {
        "level": "WARN",
        "service": "org.shop.cart",
        "message": "slow",
        "thread": "main",
    },
    "2025-11-22 10:00:01.123 WARNING (MainThread) [home.parts.lamp] slow": {
        "level": "WARN",
        "service": "home.parts.lamp",
        "message": "slow",
        "thread": "MainThread",
    },
    "[2025-11-22T10:00:01,123][WARN ][o.s.c.Stock] [node-1] slow": {
        "level": "WARN",
        "service": "o.s.c.Stock",
    },
    # The level behind, or in front of, the name.
    "2025-11-22 10:00:01,123 - till.py[WARNING]: slow": {
        "level": "WARN",
        "service": "till.py",
        "message": "slow",
    },
    "2025-11-22 10:00:01 +0000 Agent (err): no catalogue": {
        "level": "ERROR",
        "service": "Agent",
        "message": "no catalogue",
    },
    "[2025-11-22 10:00:01 +0200] critical/Listener: no socket": {
        "level": "CRITICAL",
        "service": "Listener",
        "message": "no socket",
    },
    "2025-11-22T10:00:01Z E! [inputs.disk] no such path": {
        "level": "ERROR",
        "message": "no such path",
    },
    # A word before the stamp.
    "[0x0f0082] 2025-11-22 10:00:01, Warning    till     slow": {
        "level": "WARN",
        "thread": "0x0f0082",
    },
    "[KX7PQ] 2025/11/22 10:00:01 INFO: ready": {"level": "INFO", "message": "ready"},
    # Records that are indented.
    "    2025/11/22 10:00:01 [ERR] agent: no leader": {
        "level": "ERROR",
        "service": "agent",
        "message": "no leader",
    },
    "W251122 10:00:01.123456 12 server/till.go:7 : slow": {
        "level": "WARN",
        "caller": "server/till.go:7",
    },
    # syslog's layout with another stamp; a level is no host.
    "2025-11-22 10:00:01+01 till7 stockd[500]: ready": {
        "source": "till7",
        "service": "stockd",
        "pid": 500,
        "message": "ready",
    },
    "Nov 22 10:00:01 ERROR out of paper": {"level": "ERROR", "message": "out of paper"},
    "Nov 22 10:00:01.123 [warn] out of paper": {"level": "WARN", "message": "out of paper"},
    '%ASA-4-106023: Deny tcp src outside:192.0.2.7/80 by access-group "x"': {"level": "WARN"},
    "2025-11-22 10:00:01.123+0000: 1234: error : readWire:1806 : end of file": {
        "level": "ERROR",
        "pid": 1234,
        "message": "readWire:1806 : end of file",
    },
    "2025-11-22 10:00:01,269 -0800 | ERROR | com.shop.Cart - no stock": {
        "level": "ERROR",
        "service": "com.shop.Cart",
        "message": "no stock",
    },
    "2025-11-22T10:00:01.123Z\tWARN\thttp-worker-1\tio.shop.Cart\tslow": {
        "level": "WARN",
        "service": "io.shop.Cart",
        "thread": "http-worker-1",
        "message": "slow",
    },
    "[22Nov2025 10:00:01.123] [main/WARN] [net.shop/]: slow": {"level": "WARN", "thread": "main"},
    "2025-11-22 10:00:01;ERROR;till;no stock": {"level": "ERROR", "message": "till;no stock"},
    "2025-11-22 10:00:01,warn,till,slow": {"level": "WARN"},
    "2025-11-22 10:00:01.123 o.s.cart.Slot SLOT_6700 [WARN] slow": {
        "level": "WARN",
        "service": "o.s.cart.Slot",
        "message": "slow",
    },
    "2025-11-22 10:00:01.123 T:1234   ERROR <general>: no stock": {"level": "ERROR"},
    "2025-11-22 10:00:01 we saw an [ERROR] today": {"level": "INFO"},
    # What other programs put before a record.
    "web-1 shop 2025-11-22T10:00:01.123Z ERROR no stock": {
        "level": "ERROR",
        "prefix": "web-1 shop",
        "message": "no stock",
    },
    "logs/app.log:2025-11-22 10:00:01,123 ERROR no stock": {
        "level": "ERROR",
        "prefix": "logs/app.log",
        "message": "no stock",
    },
    # Facility and severity in words; levels inside the messages of syslog.
    "Nov 22 10:00:01 till7 daemon.err stockd[9]: no stock": {
        "level": "ERROR",
        "source": "till7",
        "service": "stockd",
        "message": "no stock",
    },
    "Nov 22 10:00:01 <auth.crit> till7 stockd[9]: no stock": {
        "level": "CRITICAL",
        "source": "till7",
        "service": "stockd",
    },
    "Sat Nov 22 10:00:01 2025 daemon.warn stockd[9]: slow": {
        "level": "WARN",
        "service": "stockd",
        "message": "slow",
    },
    "2025 Nov 22 10:00:01 till7 stockd[9]: ready": {"source": "till7", "service": "stockd"},
    "Nov 22 10:00:01 till7 stockd[9]: [ID 702911 user.error] no stock": {"level": "ERROR"},
    "Nov 22 10:00:01 till7 stockd[9]: [WARN] slow": {"level": "WARN"},
    "Nov 22 10:00:01 till7 stockd[9]: ERROR no stock": {"level": "ERROR"},
    'Nov 22 10:00:01 till7 stockd[9]: ts=1 level=error msg="no stock"': {"level": "ERROR"},
    'Nov 22 10:00:01 till7 stockd[9]: {"level":"fatal","msg":"no stock"}': {"level": "CRITICAL"},
    "Nov 22 10:00:01 till7 stockd[9]: Error rate is 0": {"level": "INFO"},
    "Nov 22 10:00:01 till7 stockd[9]: INFORMATION": {"level": "INFO"},
    "Nov 22 10:00:01 mail.shop.example stockd[9]: ready": {"source": "mail.shop.example"},
    # A level's name says more than its number; a day and its clock are one time.
    '{"message":"no stock","level":400,"level_name":"ERROR"}': {"level": "ERROR"},
    '{"message":"no stock","level":"warn","severity":3}': {"level": "WARN"},
    # Spellings of levels.
    't=2025-11-22T10:00:01+0000 lvl=eror msg="no socket"': {"level": "ERROR"},
    't=2025-11-22T10:00:01+0000 lvl=dbug msg="no socket"': {"level": "DEBUG"},
    "time=2025-11-22T10:00:01.123Z level=WARN+2 msg=slow": {"level": "WARN"},
    '{"level":"\\u001b[33mwarn\\u001b[39m","message":"slow"}': {"level": "WARN"},
}


@pytest.mark.parametrize("line", HEADERS)
def test_headers(line: str) -> None:
    row = first(line)
    row |= json.loads(row["metadata"] or "{}")
    expected = HEADERS[line]
    assert {name: row.get(name) for name in expected} == expected


def test_indented_lines_stay_continuations() -> None:
    """Only a whole stamp makes an indented line a record of its own."""
    text = (
        "2025-11-22 10:00:01,123 ERROR [main] shop.Cart - no stock\n"
        "    2025-11 was better\n"
        "\t2025-11-22 10:00:01\tcopied\n"
        "  at 2025-11-22 10:00:01\n"
    )
    logs = lf.parse(text, received=RECEIVED)
    assert logs.num_rows == 1
    assert logs["message"][0].as_py().count("\n") == 3


COLOURED = {
    "2025-11-22 10:00:01,123 \x1b[31mERROR\x1b[0m \x1b[36mshop.Cart\x1b[0m - no stock": "applog",
    "\x1b[31mERRO\x1b[0m[0012] no stock": "logrus",
    "\x1b[2m2025-11-22T10:00:01.123456Z\x1b[0m \x1b[31mERROR\x1b[0m shop::cart: no stock": "applog",
}


@pytest.mark.parametrize("line", COLOURED)
def test_coloured_records_have_their_own_format(line: str) -> None:
    logs = lf.parse((line + "\n") * 5, received=RECEIVED)
    assert logs.format == COLOURED[line] == lf.detect_format((line + "\n") * 5)
    row = logs.to_arrow().to_pylist()[0]
    assert (row["level"], row["message"]) == ("ERROR", "no stock")


SHORT_YEARS = {  # read on 23 November 2025: the day, whether another reading is possible
    "25/10/31": ("2025-10-31", "2025-10-31", False),  # 25 October 2031 is ahead of the clock
    "31/10/25": ("2025-10-31", "2025-10-31", False),
    "10/31/25": ("2025-10-31", "2025-10-31", False),
    "17/06/09": ("2009-06-17", "2009-06-17", True),  # or 9 June 2017
    "04/03/25": ("2025-04-03", "2025-03-04", True),
    "11/11/11": ("2011-11-11", "2011-11-11", False),
    "17.06.09": ("2009-06-17", "2009-06-17", True),
    "04.03.25": ("2025-03-04", "2025-03-04", True),  # or 2004
}


@pytest.mark.parametrize("stamp", SHORT_YEARS)
def test_dates_with_two_digits_of_a_year_are_never_a_silent_guess(stamp: str) -> None:
    month_first, day_first, ambiguous = SHORT_YEARS[stamp]
    text = json.dumps({"ts": f"{stamp} 10:00:01", "msg": "x"})
    for asked, expected in ((False, month_first), (True, day_first)):
        logs = lf.parse(text, received=RECEIVED, day_first=asked)
        assert logs["timestamp"][0].as_py().isoformat() == f"{expected}T10:00:01+00:00"
        assert logs.counts["ambiguous_dates"] == ambiguous


def test_log4j_dates_are_those_of_europe_where_asked_or_nothing_else_is_possible() -> None:
    def read(stamp: str, **options: Any) -> tuple[str, int]:
        logs = lf.parse(f"{stamp} 10:00:01 INFO a.B: x", received=RECEIVED, **options)
        stamped = logs["timestamp"][0].as_py()
        return stamped.date().isoformat(), logs.counts["ambiguous_dates"]

    assert read("17/06/09") == ("2017-06-09", 1)
    assert read("17/06/09", day_first=True) == ("2009-06-17", 1)
    assert read("25/10/31") == ("2025-10-31", 0)
    assert read("31/10/25") == ("2025-10-31", 0)  # 25 October 2031 is ahead of the clock


@pytest.mark.parametrize(
    ("fields", "stamp"),
    [
        ({"timestamp": {"seconds": 1767225600, "nanos": 500000000}}, "2026-01-01T00:00:00.500000"),
        ({"timestamp": {"seconds": "1767225600", "nanos": 0}}, "2026-01-01T00:00:00"),
        ({"timestampSeconds": 1767225600, "timestampNanos": 25000}, "2026-01-01T00:00:00.000025"),
        ({"timestampNanos": 1767225600000000000}, "2026-01-01T00:00:00"),
        ({"time": "[22/Nov/2025:11:00:01 +0100]"}, "2025-11-22T10:00:01"),
        ({"time": "2025-11-22T11:00:01.5+01:00[Europe/Berlin]"}, "2025-11-22T10:00:01.500000"),
        ({"time": "2025-11-22T10:00:01Z[UTC]"}, "2025-11-22T10:00:01"),
    ],
)
def test_stamps_of_cloud_logging_apache_and_java_in_json(
    fields: dict[str, Any], stamp: str
) -> None:
    logs = lf.parse(json.dumps({**fields, "message": "x"}), received=RECEIVED)
    assert logs["timestamp"][0].as_py().isoformat() == stamp + "+00:00"
    assert logs["metadata"][0].as_py() is None


def test_a_zone_by_name_alone_is_not_taken_for_utc() -> None:
    stamp = "2025-11-22T10:00:01[Europe/Berlin]"
    logs = lf.parse(json.dumps({"time": stamp, "message": "x"}), received=RECEIVED)
    assert logs["timestamp"][0].as_py() == RECEIVED
    assert json.loads(logs["metadata"][0].as_py()) == {"time": stamp}


def test_fields_of_cloud_logging_and_serilog() -> None:
    row = {
        "severity": "ERROR",
        "message": "x",
        "logging.googleapis.com/trace": "projects/p/traces/06796866738c859f2f19b7cfb3214824",
        "logging.googleapis.com/spanId": "000000000000004a",
    }
    (got,) = lf.parse(json.dumps(row)).to_arrow().to_pylist()
    assert got["trace_id"].endswith("06796866738c859f2f19b7cfb3214824")
    assert got["span_id"] == "000000000000004a"
    serilog = {"Level": "Warning", "MessageTemplate": "Hi {A}", "Properties": {"A": 1}}
    (got,) = lf.parse(json.dumps(serilog)).to_arrow().to_pylist()
    assert (got["level"], got["message"]) == ("WARN", "Hi {A}")
    (got,) = lf.parse(json.dumps({**serilog, "RenderedMessage": "Hi 1"})).to_arrow().to_pylist()
    assert got["message"] == "Hi 1"
