"""Headers, levels and traces of programs whose lines are nobody's sample: general causes only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import logforest as lf

RECEIVED = datetime(2025, 11, 23, tzinfo=UTC)


def rows(text: str) -> list[dict[str, Any]]:
    logs = lf.parse(text, received=RECEIVED)
    assert logs.rejected.num_rows == 0, logs.rejected.to_pylist()
    found: list[dict[str, Any]] = logs.to_arrow().to_pylist()
    return [row | json.loads(row["metadata"] or "{}") for row in found]


HEADERS: dict[str, dict[str, Any]] = {
    # syslog: what stands between host and process, or in place of the host.
    "Nov 22 10:00:01 lb1 err stockd[812]: no member": {
        "level": "ERROR",
        "source": "lb1",
        "service": "stockd",
        "pid": 812,
        "message": "no member",
    },
    "Nov 22 10:00:01 stockd[812:1] warning: no limit": {"level": "WARN", "service": "stockd"},
    "Nov 22 10:00:01 till7 Stock Administrator: rack 3 is hot": {
        "service": "Stock Administrator",
        "message": "rack 3 is hot",
    },
    # Levels behind a label of the message.
    "Nov 22 10:00:01 mx1 dovecot: auth: Error: no table": {"level": "ERROR", "service": "dovecot"},
    "Nov 22 10:00:01 mx1 dovecot: imap(bob)<12><a/b>: Warning: slow": {"level": "WARN"},
    "Nov 22 10:00:01 mx1 postfix/cleanup[812]: 4F2D3A: warning: header Subject: x": {
        "level": "WARN"
    },
    "Nov 22 10:00:01 ftp1 pure-ftpd: (?@192.0.2.9) [WARNING] no such user [bob]": {"level": "WARN"},
    "Nov 22 10:00:01 ftp1 stockd[1]: reason: error rate is 0": {"level": "INFO"},
    # Stamps and what surrounds them.
    "1.763805601123e+09\tINFO\tsetup\tready": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, 123000, tzinfo=UTC),
        "service": "setup",
        "message": "ready",
    },
    "[812] 2025/11/22 10:00:01.123456 [ERR] no socket": {"pid": 812, "message": "no socket"},
    "[Thread 12] 2025-11-22 10:00:01 WARN slow": {"level": "WARN", "thread": "Thread 12"},
    "[2025-11-22 10:00:01,123 +0100] <web-1> WARN  api - slow": {
        "level": "WARN",
        "thread": "web-1",
        "service": "api",
    },
    "Sat Nov 22 10:00:01 2025 -> WARNING: no socket": {"level": "WARN", "message": "no socket"},
    "2025/11/22 10:00:01 ERROR> till.pl:12 main:: - no stock": {"level": "ERROR"},
    "10:00:01.124 request_id=4f2d user=7 [error] no stock": {
        "level": "ERROR",
        "prefix": "request_id=4f2d user=7",
        "message": "no stock",
    },
    "2025-11-22 10:00:01 a=1 b=2": {"level": "INFO", "message": "a=1 b=2"},
    # Names and numbers behind the level.
    "2025-11-22 10:00:01,123 [shop.minion      :812][ERROR   ][31] no master": {
        "service": "shop.minion",
        "caller": "812",
        "pid": 31,
        "message": "no master",
    },
    "2025-11-22 10:00:01,123 ERROR [org.shop.stock-operation] (Pool -- 12) no stock": {
        "service": "org.shop.stock-operation",
        "thread": "Pool -- 12",
        "message": "no stock",
    },
    "2025-11-22 10:00:01.600 2931 ERROR shop.rpc.server [-] no stock": {
        "service": "shop.rpc.server",
        "message": "no stock",
    },
    "2025/11/22 10:00:01.123\tINFO\tshop.handlers\tserver running\t{}": {
        "service": "shop.handlers",
        "message": "server running\t{}",
    },
    "2025/11/22 10:00:01.123\tINFO\tserver running\t{}": {"message": "server running\t{}"},
    "[10:00:01.123] INFO (812): ready": {"pid": 812, "message": "ready"},
    "2025-11-22 10:00:01,123 INFO  org.shop.JobMaster        [] - ready": {
        "service": "org.shop.JobMaster",
        "message": "ready",
    },
    "[2025-11-22T10:00:01.123] [ERROR] shop - no stock": {"service": "shop", "message": "no stock"},
    "2025-11-22T10:00:01.123Z [7F12 verbose 'Default' opID=x] added": {
        "level": "DEBUG",
        "service": "Default",
        "thread": "7F12",
        "message": "added",
    },
    # Stamps: the zone in front, no year, halves of the day, a day and its clock parted by a comma.
    "[CET Nov 22 10:00:01] error    : access denied": {
        "timestamp": datetime(2025, 11, 22, 9, 0, 1, tzinfo=UTC),
        "level": "ERROR",
        "message": "access denied",
    },
    "Nov-22 10:00:01.123 [main] DEBUG shop.Cart - ready": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, 123000, tzinfo=UTC),
        "level": "DEBUG",
        "service": "shop.Cart",
        "thread": "main",
    },
    "2025-11-22 01:00:01 PM INFO ready": {
        "timestamp": datetime(2025, 11, 22, 13, 0, 1, tzinfo=UTC),
        "message": "ready",
    },
    "2025-11-22 12:00:01 AM INFO ready": {"timestamp": datetime(2025, 11, 22, 0, 0, 1, tzinfo=UTC)},
    "2025-11-22 13:00:01 PM ready": {
        "timestamp": datetime(2025, 11, 22, 13, 0, 1, tzinfo=UTC),
        "message": "PM ready",
    },
    "2025-11-22,10:00:01.123,SID-1,ready": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, 123000, tzinfo=UTC)
    },
    "22. Nov 2025 10:00:01 INFO bereit": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, tzinfo=UTC),
        "message": "bereit",
    },
    "2025-11-22 10:00:01 FEHLER Lager leer": {"level": "ERROR", "message": "Lager leer"},
    '"2025-11-22 10:00:01"   "Login"   "bob"': {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, tzinfo=UTC)
    },
    # Levels before the stamp.
    "ERROR|2025-11-22 10:00:01,123|shop.Cart|no stock": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, 123000, tzinfo=UTC),
        "level": "ERROR",
        "service": "shop.Cart",
        "message": "no stock",
    },
    "WARN [11-22|10:00:01.123] slow          x=1": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, 123000, tzinfo=UTC),
        "level": "WARN",
    },
    "info  [2025-11-22 10:00:01.123 Z] ready": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, 123000, tzinfo=UTC),
        "message": "ready",
    },
    "[ WARN 2025-11-22T10:00:01 main] slow": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, tzinfo=UTC),
        "level": "WARN",
        "service": "main",
        "message": "slow",
    },
    "Shop2MQTT:error 2025-11-22 10:00:01: no broker": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, tzinfo=UTC),
        "level": "ERROR",
        "service": "Shop2MQTT",
        "message": "no broker",
    },
    "INFO: [Nov 22 10:00:01.123] ready": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, 123000, tzinfo=UTC),
        "level": "INFO",
    },
    # syslog without a host, its process in other places.
    "Nov 22 10:00:01 stockd [812]: ready": {"service": "stockd", "pid": 812, "message": "ready"},
    "Nov 22 10:00:01 [812] ERROR:db: no table": {"level": "ERROR", "pid": 812},
    # Levels with a number are about details.
    '{"t":"2025-11-22T10:00:01Z","s":"D2","msg":"slow"}': {"level": "DEBUG"},
    '{"level":"trace3","msg":"slow"}': {"level": "DEBUG"},
    # Nested answers of Kubernetes' audit log.
    '{"level":"Metadata","requestURI":"/api","verb":"get","user":{"username":"bob"},'
    '"responseStatus":{"code":403},"stageTimestamp":"2025-11-22T10:00:01Z"}': {
        "status_code": 403,
        "user_id": "bob",
        "endpoint": "/api",
    },
}


@pytest.mark.parametrize("line", HEADERS)
def test_headers(line: str) -> None:
    found = rows((line + "\n") * 3)
    assert len(found) == 3
    assert {name: found[0].get(name) for name in HEADERS[line]} == HEADERS[line]


TRACES = [
    "2025-11-22 10:00:01,123 [5] ERROR Shop.Cart - no stock\n"
    "System.NullReferenceException: no object\n   at A.B()\n",
    "[10:00:01 ERR] no stock\n"
    "Npgsql.PostgresException (0x80004005): 42P01: no table\n   at A.B()\n",
    "[22-Nov-2025 10:00:01 UTC] PHP Fatal error:  Uncaught Exception: x in /a.php:3\n"
    "Stack trace:\n#0 {main}\n  thrown in /a.php on line 3\n",
    "10:00:01.124 [error] GenServer terminating\n** (RuntimeError) no stock\n"
    "    (shop 0.1.0) lib/shop.ex:3: Shop.f/1\n",
    "2025-11-22T10:00:01.123Z\terror\tno stock\nmain.main\n\t/a/b.go:3\n",
    "ERROR [2025-11-22 10:00:01,123] shop.Cart: no stock\n"
    "! java.lang.NullPointerException: x\n! at com.shop.Cart.get(Cart.java:12)\n",
]


@pytest.mark.parametrize("trace", TRACES)
def test_traces_are_joined(trace: str) -> None:
    found = rows(trace * 2)
    assert len(found) == 2
    assert found[0]["message"].count("\n") == trace.count("\n") - 1


def test_rare_lines_of_a_finer_format_are_read_as_alone() -> None:
    """What takes any stamp does not take what a more telling format knows."""
    rare = [
        "Nov 22 10:00:01 till7 stockd[500]: ready",
        '[22/Nov/2025 10:00:01] "GET /cart HTTP/1.1" 404 12',
        "kern  :err   : [   12.345678] ata1: failed",
    ]
    common = [f"2025-11-22 10:00:{n:02} order {n} packed" for n in range(20)]
    found = rows("\n".join([*common[:10], *rare, *common[10:]]) + "\n")
    assert len(found) == 23
    for line, row in zip(rare, found[10:13], strict=True):
        (alone,) = rows(line + "\n")
        for name in ("timestamp", "level", "service", "source", "message", "status_code"):
            assert row[name] == alone[name], name
    assert (found[10]["service"], found[11]["status_code"]) == ("stockd", 404)
