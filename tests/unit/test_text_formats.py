"""Text formats: equal to the references, and to themselves however the input is cut."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reference.syslog_reference import rfc5424_record
from tests.reference.text_reference import access_record, syslog_record

import logforest as lf
from logforest import _core

NOW = dt.datetime(2026, 1, 3, 12, tzinfo=dt.UTC)
Row = dict[str, Any]


def rows(text: str | bytes, **options: Any) -> list[Row]:
    table = lf.parse(text, received=NOW.timestamp(), **options).to_arrow()
    out: list[Row] = table.to_pylist()
    for row in out:
        row["metadata"] = json.loads(row["metadata"] or "{}")
    return out


def agrees(row: Row, expected: Row) -> None:
    assert {key: row[key] for key in expected} == expected


stamps = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2037, 12, 31)).map(
    lambda d: d.strftime("%d/%b/%Y:%H:%M:%S")
)
words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
quoted = st.lists(
    st.one_of(st.sampled_from(["-", '\\"', "\\\\", "\\x16", " ", "é"]), words), max_size=4
).map(lambda parts: "".join(parts).replace('"', '\\"').replace("\\\\\\", "\\\\"))


@examples(200)
@given(
    ip=st.ip_addresses().map(str),
    user=st.sampled_from(["-", "bob", "a.b@c"]),
    stamp=stamps,
    zone=st.sampled_from(["+0000", "-0730", "+1345"]),
    request=st.one_of(
        st.sampled_from(
            ["GET / HTTP/1.1", "-", "", "\\x16\\x03", "POST /a b?c=d HTTP/2.0", "GET /"]
        ),
        quoted,
    ),
    status=st.integers(100, 599),
    size=st.one_of(st.just("-"), st.integers(0, 10**12)),
    tail=st.one_of(st.none(), st.tuples(quoted, quoted)),
)
@example("0.0.0.0", "-", "01/Jan/2000:00:00:00", "+0000", "- -", 100, "-", None)
def test_access_logs_agree_with_the_reference(
    ip: str, user: str, stamp: str, zone: str, request: str, status: int, size: Any, tail: Any
) -> None:
    line = f'{ip} - {user} [{stamp} {zone}] "{request}" {status} {size}'
    if tail is not None:
        line += f' "{tail[0]}" "{tail[1]}"'
    expected = access_record(line)
    name = "apache_common" if tail is None else "apache_combined"
    logs = lf.parse(line, format=name)
    if expected is None:
        return  # a quote that closes early: the reference does not say what that means
    assert logs.counts["rejected"] == 0
    agrees(rows(line, format=name)[0], expected)
    agrees(rows(line)[0], expected)


@examples(200)
@given(
    priority=st.integers(0, 255),
    day=st.dates(dt.date(2024, 1, 1), dt.date(2026, 12, 31)),
    time=st.times(),
    tag=st.sampled_from(["sshd", "cron", "postfix/smtpd", "a-b_c.d"]),
    pid=st.one_of(st.none(), st.integers(0, 99999)),
    message=st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1),
)
def test_rfc3164_agrees_with_the_reference(
    priority: int, day: dt.date, time: dt.time, tag: str, pid: int | None, message: str
) -> None:
    ident = tag if pid is None else f"{tag}[{pid}]"
    line = f"<{priority}>{day:%b} {day.day:2d} {time:%H:%M:%S} host-1 {ident}: {message}"
    expected = syslog_record(line, NOW)
    found = rows(line, format="rfc3164")
    if expected is None:
        assert found == []
    else:
        agrees(found[0], expected)


graphs = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
names = st.text(st.sampled_from("abC1.@_-#~"), min_size=1, max_size=6)
params = st.tuples(names, st.text(st.sampled_from('aé ="\\],[\t1'), max_size=6)).map(
    lambda p: f' {p[0]}="' + "".join("\\" + c if c in '"\\]' else c for c in p[1]) + '"'
)
elements = st.tuples(names, st.lists(params, max_size=4)).map(
    lambda e: "[" + e[0] + "".join(e[1]) + "]"
)
nil = st.just("-")
zoned = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2037, 12, 31)).flatmap(
    lambda d: st.sampled_from(["Z", "+00:00", "-07:30", "+13:45", "+24:00", ""]).map(
        lambda zone: d.isoformat() + zone
    )
)


@examples(100)
@given(
    priority=st.integers(0, 200),
    version=st.sampled_from([1, 1, 1, 2, 999, 1000, 0]),
    stamp=st.one_of(nil, zoned, st.just("2003-02-30T00:00:00Z"), st.just("2016-12-31T23:59:60Z")),
    words=st.tuples(*[st.one_of(nil, graphs)] * 4),
    data=st.one_of(nil, st.lists(elements, min_size=1, max_size=3).map("".join)),
    message=st.one_of(st.none(), st.just(""), st.text(words.map(lambda w: w[0]), max_size=8),
                      st.just("\ufeffgrüß ")),
    damage=st.one_of(st.none(), st.tuples(st.integers(0, 80), st.sampled_from(' []"\\=-<>1aé'))),
)  # fmt: skip
def test_rfc5424_agrees_with_the_reference(
    priority: int, version: int, stamp: str, words: tuple[str, ...], data: str,
    message: str | None, damage: tuple[int, str] | None,
) -> None:  # fmt: skip
    line = f"<{priority}>{version} {stamp} {' '.join(words)} {data}"
    line += "" if message is None else f" {message}"
    if damage is not None:
        at = damage[0] % len(line)
        line = line[:at] + damage[1] + line[at + 1 :]
    expected = rfc5424_record(line)
    found = rows(line, format="rfc5424")
    if expected is None:
        assert found == []
    else:
        agrees(found[0], expected)


@pytest.mark.parametrize(
    ("now", "stamp", "expected"),
    [
        ("2026-01-01T00:10:00", "Dec 31 23:59:59", "2025-12-31T23:59:59"),
        ("2025-12-31T23:50:00", "Jan  1 00:00:01", "2026-01-01T00:00:01"),
        ("2026-03-01T00:00:00", "Feb 29 12:00:00", "2024-02-29T12:00:00"),
        ("2027-06-01T00:00:00", "Feb 29 12:00:00", "2024-02-29T12:00:00"),
        ("2026-11-21T00:00:00", "May  1 10:00:00", "2026-05-01T10:00:00"),
        ("2026-11-21T00:00:00", "Nov 27 10:00:00", "2026-11-27T10:00:00"),
        ("2026-11-21T00:00:00", "Nov 29 10:00:00", "2025-11-29T10:00:00"),
        ("2026-06-01T00:00:00", "May 31 2019 10:00:00", "2019-05-31T10:00:00"),
        ("2026-06-01T00:00:00", "2019-05-31T10:00:00.5+02:00", "2019-05-31T08:00:00.500000"),
    ],
)
def test_the_year_of_rfc3164_is_past(now: str, stamp: str, expected: str) -> None:
    received = dt.datetime.fromisoformat(now + "+00:00").timestamp()
    logs = lf.parse(f"<13>{stamp} host app: x", format="rfc3164", received=received)
    assert logs["timestamp"].to_pylist() == [dt.datetime.fromisoformat(expected + "+00:00")]


CISCO = [
    ("<189>123: Mar  1 18:46:11: %SYS-5-CONFIG_I: Configured", "SYS", "Configured"),
    ("<189>124: r1: *Mar  1 18:46:11.123 UTC: %LINK-3-UPDOWN: down", "LINK", "down"),
    ("<166>Apr 10 2024 10:00:00: %ASA-6-302013: Built", "ASA", "Built"),
    ("<166>Apr 10 2024 10:00:00 fw1 : %ASA-6-302013: Built", "ASA", "Built"),
]


@pytest.mark.parametrize(("line", "service", "message"), CISCO)
def test_cisco_forms(line: str, service: str, message: str) -> None:
    (row,) = rows(line)
    assert (row["service"], row["message"]) == (service, message)
    assert "mnemonic" in row["metadata"]


def test_access_log_extras() -> None:
    head = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"'
    cases = {
        " 0.034": 34.0, " 1250": 1.25, ' "0.5"': 500.0, ' "203.0.113.9, 10.0.0.1" 0.010': 10.0,
        " 72 0ms": 0.0, ' rt=0.120 uct="0.000"': 120.0, " 17us": 0.017,
    }  # fmt: skip
    for extra, expected in cases.items():
        (row,) = rows(head + extra)
        assert row["response_time"] == pytest.approx(expected), extra
    (row,) = rows(head + ' "203.0.113.9, 10.0.0.1"')
    assert row["metadata"]["forwarded_for"] == "203.0.113.9, 10.0.0.1"
    (row,) = rows("shop.example:443 " + head)
    assert (row["source"], row["ip_address"]) == ("shop.example", "192.0.2.1")
    (row,) = rows(head.replace("192.0.2.1", "2001:db8::7"))
    assert row["ip_address"] == "2001:db8::7"
    assert lf.parse(head[:-3], format="apache_combined").rejected["reason"].to_pylist() == [
        "no_match"
    ]


def test_structured_data() -> None:
    line = (
        "<165>1 2003-08-24T05:14:15.000003-07:00 h app 8710 ID47 "
        '[a@1 k="v\\"\\]\\\\" ip="1" ip="2"]'
        "[b] \ufeffgrüß"
    )
    (row,) = rows(line)
    assert row["message"] == "grüß"
    assert row["metadata"] == {
        "facility": 20, "severity": 5, "procid": "8710", "msgid": "ID47",
        "a@1": {"k": 'v"]\\', "ip": ["1", "2"]}, "b": {},
    }  # fmt: skip
    many = "".join(f' k{i % 70}="{i}"' for i in range(20_000))
    (row,) = rows(f"<1>1 - - - - - [x{many}]", format="rfc5424")
    assert len(row["metadata"]["x"]) == 70
    assert row["metadata"]["x"]["k0"][1] == "70"


MIXED = [
    '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"',
    '{"level":"warn","msg":"json"}',
    "I0507 11:59:44.523502    4727 kubelet.go:187] klog",
    "<34>1 2003-10-11T22:14:15Z m su - ID47 - five",
    "<34>Oct 11 22:14:15 m su: three",
    "2024-05-01 10:00:00,000 ERROR [main] a.b.C: java",
    "java.lang.IllegalStateException: no",
    "\tat a.b.C.run(C.java:1)",
    "\t... 12 more",
    "Caused by: java.io.IOException: disk",
    "2024-05-01 10:00:01,000 - root - ERROR - python",
    "Traceback (most recent call last):",
    '  File "a.py", line 1, in f',
    "    raise ValueError(1)",
    "ValueError: 1",
    "panic: boom",
    "goroutine 1 [running]:",
    "main.main()",
    "\t/tmp/a.go:3 +0x1d",
    "level=info msg=logfmt",
    "just text",
    "  indented",
    "",
    "\x00\x01bad",
]


def snapshot(logs: lf.LogBatch) -> tuple[Any, ...]:
    drop = ("created_at",)
    return (
        [{k: v for k, v in row.items() if k not in drop} for row in logs.to_arrow().to_pylist()],
        logs.rejected.to_pylist(),
        logs.counts,
        logs.format,
    )


@examples(150)
@given(
    lines=st.lists(st.sampled_from(MIXED), min_size=1, max_size=60),
    chunk=st.integers(64, 700),
    threads=st.integers(1, 3),
    cuts=st.lists(st.integers(0, 5000), max_size=4),
)
def test_same_result_at_any_cut_chunk_and_thread(
    lines: list[str], chunk: int, threads: int, cuts: list[int]
) -> None:
    data = "\n".join(lines).encode()
    options = {"received": NOW.timestamp()}
    whole = snapshot(lf.parse(data, threads=1, **options))
    assert snapshot(lf.parse(data, threads=threads, chunk_bytes=chunk, **options)) == whole
    counts = whole[2]
    assert counts["lines"] == sum(
        counts[key] for key in ("records", "rejected", "continuation", "blank")
    )

    class Pieces:
        """A stream that gives bytes as they were cut."""

        def __init__(self) -> None:
            edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
            self.parts = [data[a:b] for a, b in itertools.pairwise(edges)]

        def read(self, _size: int = -1) -> bytes:
            return self.parts.pop(0) if self.parts else b""

    stream: Any = Pieces()
    assert snapshot(lf.read_logs(stream, chunk_bytes=chunk, **options)) == whole


FRAMES = [
    b"<34>1 2003-10-11T22:14:15Z m su - ID47 - one",
    b"<34>1 2003-10-11T22:14:15Z m su - ID47 - two\nlines",
    b"<34>Oct 11 22:14:15 m su: three",
]


@examples(150)
@given(
    frames=st.lists(
        st.tuples(st.sampled_from(FRAMES), st.sampled_from(["count", "count+lf", "lf", "bad"])),
        min_size=1,
        max_size=30,
    ),
    chunk=st.integers(64, 400),
)
def test_octet_counted_and_newline_frames_mix(frames: list[tuple[bytes, str]], chunk: int) -> None:
    data = b""
    expected = []
    for text, how in frames:
        if how.startswith("count"):
            data += b"%d %s" % (len(text), text) + (b"\n" if how == "count+lf" else b"")
            expected.append(text.split(b": " if b"Oct" in text else b" - ID47 - ")[1].decode())
        elif how == "lf" and b"\n" not in text:
            data += text + b"\n"
            expected.append(text.split(b": " if b"Oct" in text else b" - ID47 - ")[1].decode())
        elif how == "bad":
            data += b"0 no frame\n"
    logs = lf.parse(data, format="auto", received=NOW.timestamp(), threads=1)
    got = [m for m in logs["message"].to_pylist() if "no frame" not in m]
    if any(how.startswith("count") or how == "lf" for _, how in frames):
        assert got == expected
    parts = lf.parse(data, received=NOW.timestamp(), threads=2, chunk_bytes=chunk)
    assert snapshot(parts) == snapshot(logs)


def test_traces_are_joined_and_bounded() -> None:
    found = rows("\n".join(MIXED))
    by_first = {row["message"].split("\n")[0]: row["message"] for row in found}
    assert by_first["java"].count("\n") == 4
    assert by_first["python"].endswith("ValueError: 1")
    assert by_first["panic: boom"].count("\n") == 3
    assert by_first["just text"] == "just text"
    endless = "2024-05-01 10:00:00 ERROR x\n" + "\tat a.b(C.java:1)\n" * 10_000
    logs = lf.parse(endless, max_line_bytes=2000)
    assert logs.num_rows == 1
    assert len(logs["message"][0].as_py()) <= 2000
    assert set(logs.rejected["reason"].to_pylist()) == {"line_too_long"}


def test_binary_lines_are_rejects_and_text_is_plain() -> None:
    logs = lf.parse(b"hello there\n\x01\x02\x03\x04\x05\x06\x07\nmore text\n\xff\xfe\xfd\xfc\n")
    assert logs["message"].to_pylist() == ["hello there", "more text"]
    assert logs.rejected["reason"].to_pylist() == ["binary", "binary"]


def test_detection_names() -> None:
    assert [lf.detect_format(line) for line in MIXED[:5]] == [
        "apache_combined", "json", "klog", "rfc5424", "rfc3164",
    ]  # fmt: skip
    assert lf.detect_format('127.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /" 200 5') == (
        "apache_common"
    )
    assert lf.detect_format("2024-05-01 10:00:00 ERROR x") == "applog"
    assert lf.detect_format("hello") is None
    assert lf.detect_format("") is None
    assert "rfc5424" in _core.format_names()


@pytest.mark.parametrize(
    ("record", "bad"),
    [
        ('10.0.0.1 - - [10/Oct/2025:13:55:36 +0000] "GET /{} HTTP/1.1" 200 5', "garbage"),
        (
            '10.0.0.1 - - [10/Oct/2025:13:55:36 +0000] "GET /{} HTTP/1.1" 200 5 "-" "curl"',
            '10.0.0.1 - - [99/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"',
        ),
        ("<34>1 2025-10-11T22:14:15Z host app - - - {}", "garbage"),
        ("level=info msg={}", 'level=info msg="open'),
        ('{{"msg": {}}}', '{"msg": "op'),
    ],
)
def test_a_damaged_line_of_a_pure_source_is_a_reject(record: str, bad: str) -> None:
    lines = [record.format(i) for i in range(30)]
    lines.insert(7, bad)
    logs = lf.parse("\n".join(lines))
    assert (logs.num_rows, logs.rejected["line"].to_pylist()) == (30, [8])
    assert logs.rejected["text"].to_pylist() == [bad]


def test_text_among_the_records_of_a_mixed_source_is_text() -> None:
    access = '10.0.0.1 - - [10/Oct/2025:13:55:36 +0000] "GET /{} HTTP/1.1" 200 5'
    lines = [access.format(i) if i % 3 else f"worker {i} is ready" for i in range(30)]
    logs = lf.parse("\n".join(lines))
    assert (logs.num_rows, logs.rejected.num_rows) == (30, 0)
    assert logs["message"].to_pylist()[3] == "worker 3 is ready"


def test_colours_of_a_terminal_do_not_hide_a_format() -> None:
    line = (
        "\x1b[2m2024-05-01T10:00:00Z\x1b[0m \x1b[31mERROR\x1b[0m \x1b[2mmy_app::db\x1b[0m"
        "\x1b[2m:\x1b[0m boom \x1b[2Kx"
    )
    logs = lf.parse(line + "\n\x1b[0m\n" + line)
    assert logs["level"].to_pylist() == ["ERROR", "ERROR"]
    assert logs["service"].to_pylist() == ["my_app::db"] * 2
    assert logs["message"].to_pylist() == ["boom \x1b[2Kx"] * 2
    assert logs.counts["blank"] == 1
    assert lf.parse('{"msg":"\x1b[1mx"}', format="json").counts["rejected"] == 1


@pytest.mark.parametrize(
    ("stamp", "hour"),
    [("10:00:00 CEST", 8), ("10:00:00 CET", 9), ("10:00:00 JST", 1), ("10:00:00 PDT", 17),
     ("10:00:00 UTC", 10), ("10:00:00.5 EEST", 7)],
)  # fmt: skip
def test_names_of_zones_that_mean_one_zone(stamp: str, hour: int) -> None:
    (time,) = lf.parse(f"2024-05-01 {stamp} ERROR boom")["timestamp"].to_pylist()
    assert (time.hour, time.day) == (hour, 1)
    (time,) = lf.parse(f"2024-05-01 {stamp} [12] LOG:  ready", format="postgres")["timestamp"]
    assert time.as_py().hour == hour
