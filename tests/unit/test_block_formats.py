"""Records of several lines: java.util.logging, MySQL's slow log, journald's export format."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.plain_rows import rows

import logforest as lf
from logforest import _core

JUL = """\
May 01, 2024 10:00:00 AM org.shop.Service start
INFO: starting
Dec 31, 2024 1:00:01 PM org.shop.Cart <init>
SEVERE: no stock
java.lang.IllegalStateException: empty
\tat org.shop.Cart.add(Cart.java:5)
Caused by: java.io.IOException: gone

May 01, 2024 12:00:02 AM org.shop.Cart add
FINE: ok
"""
SLOW = """\
/usr/sbin/mysqld, Version: 8.0.36 (MySQL Community Server). started with:
Tcp port: 3306  Unix socket: /tmp/mysql.sock
Time                 Id Command    Argument
# Time: 2024-05-01T10:00:00.123456Z
# User@Host: shop[shop] @ app1 [10.0.0.5]  Id:    42
# Query_time: 12.5  Lock_time: 0.000012 Rows_sent: 1  Rows_examined: 1000000
use shop;
SET timestamp=1714557600;
SELECT * FROM orders
WHERE note = '# Time';
# User@Host: root[root] @ localhost []  Id:    43
# Thread_id: 5  Schema: shop  QC_hit: No
# Query_time: 0.25  Lock_time: 0.0 Rows_sent: 0  Rows_examined: 5
SET timestamp=1714557605;
UPDATE stock SET n = n - 1;
"""


def entry(**fields: str | bytes) -> bytes:
    out = b""
    for key, value in fields.items():
        if isinstance(value, str):
            out += f"{key}={value}\n".encode()
        else:
            out += key.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return out + b"\n"


JOURNAL = entry(
    __CURSOR="s=1", __REALTIME_TIMESTAMP="1714557600123456", _HOSTNAME="h1", PRIORITY="3",
    SYSLOG_IDENTIFIER="sshd", _PID="12", MESSAGE="Failed password",
) + entry(
    __REALTIME_TIMESTAMP="1714557601000000", PRIORITY="6", MESSAGE=b"two\n\nlines\n\x00\xff",
    _COMM="x",
) + entry(__REALTIME_TIMESTAMP="1714557602000000", MESSAGE=b"last")  # fmt: skip


def test_java_util_logging() -> None:
    logs = lf.parse(JUL)
    assert logs.format == "jul"
    first, second, third = rows(logs)
    assert [r["level"] for r in rows(logs)] == ["INFO", "ERROR", "DEBUG"]
    assert [r["timestamp"] for r in rows(logs)] == [
        "2024-05-01T10:00:00+00:00", "2024-12-31T13:00:01+00:00", "2024-05-01T00:00:02+00:00",
    ]  # fmt: skip
    assert (first["service"], first["message"]) == ("org.shop.Service", "starting")
    assert second["metadata"] == {"function": "<init>"}
    assert second["message"].splitlines()[0] == "no stock"
    assert second["message"].endswith("Caused by: java.io.IOException: gone")
    assert third["message"] == "ok"
    assert logs.counts["lines"] == 10


def test_mysql_slow_log() -> None:
    logs = lf.parse(SLOW, received=1_780_000_000)
    assert logs.format in ("mysql_slow", "mixed")
    first, second = rows(logs)[-2:]
    assert first["timestamp"] == "2024-05-01T10:00:00.123456+00:00"
    assert (first["service"], first["user_id"], first["ip_address"]) == (
        "mysql",
        "shop",
        "10.0.0.5",
    )
    assert first["response_time"] == 12500.0
    assert first["message"] == "SELECT * FROM orders\nWHERE note = '# Time';"
    assert first["metadata"] == {
        "client_host": "app1", "Id": 42, "Lock_time": 1.2e-05, "Rows_sent": 1,
        "Rows_examined": 1000000, "database": "shop",
    }  # fmt: skip
    assert second["timestamp"] == "2024-05-01T10:00:05+00:00"
    assert (second["user_id"], second["response_time"]) == ("root", 250.0)
    assert second["metadata"]["Schema"] == "shop"
    assert lf.parse(SLOW, format="mysql_slow").counts["rejected"] == 3


@pytest.mark.parametrize("line", ["# ", "# x", "# Time: ", "# x: ", "use ;", "SET timestamp=;", ""])
def test_empty_parts_of_a_slow_log(line: str) -> None:
    logs = lf.parse(f"# User@Host: a[a] @  []\n{line}\n# Query_time: 1\nSELECT 1;\n{line}\n")
    assert logs.counts["lines"] == 5
    named = lf.parse(f"# User@Host: a[a] @ [\n{line}\n# Query_time:\n", format="mysql_slow")
    assert named.num_rows + named.counts["rejected"] >= 1


def test_journal_export() -> None:
    logs = lf.parse(JOURNAL)
    assert (logs.format, logs.num_rows, logs.counts["rejected"]) == ("journal_export", 3, 0)
    first, second, third = rows(logs)
    assert (first["timestamp"], first["level"]) == ("2024-05-01T10:00:00.123456+00:00", "ERROR")
    assert (first["service"], first["source"]) == ("sshd", "h1")
    assert first["message"] == "Failed password"
    assert first["metadata"]["_PID"] == "12"
    assert second["message"] == "two\n\nlines\n \ufffd"
    assert second["metadata"]["_COMM"] == "x"
    assert third["message"] == "last"


@pytest.mark.parametrize("cut", range(0, len(JOURNAL), 7))
def test_a_journal_that_is_cut_off_keeps_what_is_whole(cut: int) -> None:
    logs = lf.parse(JOURNAL[:cut], format="journal_export")
    whole = JOURNAL[:cut].count(b"\n\n__") + JOURNAL[:cut].endswith(b"\n\n")
    assert logs.num_rows >= min(whole, 1)
    assert logs.num_rows + logs.counts["rejected"] <= 3


def test_hostile_sizes_in_a_journal() -> None:
    head = entry(__CURSOR="1", MESSAGE="fine")
    for size in (0, 1, 5, 1 << 20, 1 << 39, 1 << 41, (1 << 64) - 1):
        data = head + b"__CURSOR=2\nMESSAGE\n" + struct.pack("<Q", size) + b"abcd\n\n" + head
        logs = lf.parse(data, max_line_bytes=4096)
        assert logs["message"][0].as_py() == "fine"


PIECES = [
    *JUL.splitlines(True), *SLOW.splitlines(True), "plain\n", "\n", "# Time: x\n", "\tat a.B(C)\n",
]  # fmt: skip


@examples(150)
@given(
    st.sampled_from([JUL.encode(), SLOW.encode(), JOURNAL, b""]),
    st.one_of(
        st.lists(st.sampled_from(PIECES), max_size=25).map(lambda p: "".join(p).encode()),
        st.binary(max_size=60).map(lambda noise: JOURNAL + noise + JOURNAL),
        st.integers(1, 40).map(lambda n: JUL.encode() * n),
    ),
    st.lists(st.integers(0, 3000), max_size=5),
    st.sampled_from(["jul", "mysql_slow", "journal_export"]), st.sampled_from([1, 2]),
    st.integers(64, 400), st.sampled_from([200, 1 << 20]),
)  # fmt: skip
def test_any_cut_gives_the_same(
    head: bytes, rest: bytes, cuts: list[int], format: str, threads: int, chunk: int, longest: int
) -> None:
    data = head + rest
    whole = lf.parse(data, format=format, received=1_780_000_000, threads=1, max_line_bytes=longest)
    options = _core.ParseOptions()
    options.format, options.threads, options.chunk_bytes = format, threads, chunk
    options.max_line_bytes = longest
    options.received_us = 1_780_000_000_000_000
    reader = _core.Reader(options, _core.EnrichOptions())
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(edges):
        reader.feed(data[begin:end])
    cut = lf.LogBatch._from_core(reader.finish())
    assert rows(cut) == rows(whole)
    assert cut.rejected.to_pylist() == whole.rejected.to_pylist()
    assert cut.counts == whole.counts
    counts = whole.counts
    assert counts["lines"] == sum(
        counts[key] for key in ("records", "rejected", "continuation", "blank")
    )


def test_a_telling_format_goes_before_one_that_takes_any_stamp() -> None:
    request = (
        "May  1 10:00:00 lb1 haproxy[14389]: 192.0.2.2:33317 [01/May/2024:10:00:00.655] http-in "
        'static/srv1 10/0/30/69/109 503 2750 - - ---- 1/1/1/1/0 0/0 "GET /{} HTTP/1.1"\n'
    )
    event = "May  1 10:00:00 lb1 haproxy[14389]: Server static/srv{} is DOWN\n"
    text = "".join(request.format(i) + (event.format(i) if i % 3 == 0 else "") for i in range(9))
    logs = lf.parse(text)
    assert (logs.format, logs.num_rows, logs.counts["rejected"]) == ("mixed", 12, 0)
    assert [r["endpoint"] for r in rows(logs) if r["status_code"] == 503] == [
        f"/{i}" for i in range(9)
    ]
    assert sum(r["message"].endswith("is DOWN") for r in rows(logs)) == 3
