"""Tables that name their columns in the log: W3C extended (IIS, CloudFront, ...) and Zeek."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.plain_rows import rows

import logforest as lf
from logforest import _core

IIS = """\
#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Date: 2024-05-01 10:00:00
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) \
sc-status sc-substatus sc-win32-status time-taken
2024-05-01 10:00:00 10.0.0.1 GET /cart.aspx id=7 443 - 192.0.2.9 Mozilla/5.0+(X11) 200 0 0 46
2024-05-01 10:00:01 10.0.0.1 POST /pay - 443 SHOP\\bob 2001:db8::7 curl/8 500 0 64 1046
"""
CLOUDFRONT = (
    "#Version: 1.0\n"
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
    "cs(Referer) cs(User-Agent) cs-uri-query x-edge-result-type cs-protocol-version time-taken\n"
    "2024-05-01\t10:00:00.125\tFRA6-C1\t104\t192.0.2.10\tGET\td1.example\t/a%20b.html\t404\t"
    "www.example\tMozilla/4.0%20(x)\tq=1\tError\tHTTP/2.0\t0.082\n"
)
FIREWALL = """\
#Version: 1.5
#Software: Microsoft Windows Firewall
#Time Format: Local
#Fields: date time action protocol src-ip dst-ip src-port dst-port size info path

2024-05-01 10:00:00 DROP UDP 192.0.2.4 192.0.2.255 137 138 78 - RECEIVE
"""
EXCHANGE = """\
#Software: Microsoft Exchange Server
#Log-type: Message Tracking Log
#Fields: date-time,client-ip,event-id,message-subject
2024-05-01T10:00:00.250Z,192.0.2.4,FAIL,"Your ""order"", again"
"""
ZEEK = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\thttp\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tmethod\thost\turi\tstatus_code\ttags\tids\tseen\n"
    "#types\ttime\tstring\taddr\tport\tstring\tstring\tstring\tcount\tset[enum]\tvector[count]\tbool\n"
    "1714557600.123456\tCHhAvV\t192.0.2.5\t5123\tGET\tshop.example\t/x\\x09y\t404\t(empty)\t1,2\tT\n"
    "1714557600.5\tCHhAvW\t192.0.2.5\t5123\t-\t-\t-\t-\ta,b\t(empty)\tF\n"
    "#close\t2024-05-01-11-00-00\n"
)


def some(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_iis() -> None:
    logs = lf.parse(IIS)
    assert (logs.format, logs.counts["blank"], logs.counts["rejected"]) == ("w3c", 4, 0)
    first, second = rows(logs)
    names = ("timestamp", "level", "service", "method", "endpoint", "status_code", "response_time")
    assert some(first, *names) == (
        "2024-05-01T10:00:00+00:00", "INFO", "iis", "GET", "/cart.aspx?id=7", 200, 46.0,
    )  # fmt: skip
    assert some(second, "level", "user_id", "ip_address") == ("ERROR", "SHOP\\bob", "2001:db8::7")
    assert first["user_id"] is None
    assert first["message"] == "GET /cart.aspx?id=7"
    assert first["metadata"] == {
        "s-ip": "10.0.0.1", "s-port": 443, "user_agent": "Mozilla/5.0+(X11)", "sc-substatus": 0,
        "sc-win32-status": 0,
    }  # fmt: skip


def test_cloudfront_has_rows_with_tabs_and_seconds() -> None:
    (row,) = rows(lf.parse(CLOUDFRONT))
    assert some(row, "timestamp", "service", "endpoint", "status_code", "response_time") == (
        "2024-05-01T10:00:00.125000+00:00", "cloudfront", "/a%20b.html?q=1", 404, 82.0,
    )  # fmt: skip
    assert row["message"] == "GET /a%20b.html?q=1 HTTP/2.0"
    assert row["metadata"]["vhost"] == "d1.example"
    assert row["metadata"]["bytes"] == 104


def test_the_firewall_writes_local_time() -> None:
    logs = lf.parse(FIREWALL, zone_minutes=120)
    (row,) = rows(logs)
    assert some(row, "timestamp", "service", "ip_address", "endpoint") == (
        "2024-05-01T08:00:00+00:00", "firewall", "192.0.2.4", None,
    )  # fmt: skip
    assert row["message"] == "DROP UDP 192.0.2.4 192.0.2.255 137 138 78 - RECEIVE"
    assert row["metadata"]["dst-port"] == 138
    # Other software is held to the draft: all times are GMT.
    assert rows(lf.parse(IIS, zone_minutes=120))[0]["timestamp"] == "2024-05-01T10:00:00+00:00"


def test_exchange_has_commas_and_quotes() -> None:
    (row,) = rows(lf.parse(EXCHANGE))
    assert some(row, "timestamp", "service", "ip_address") == (
        "2024-05-01T10:00:00.250000+00:00", "exchange", "192.0.2.4",
    )  # fmt: skip
    assert row["metadata"]["message-subject"] == 'Your "order", again'


def test_zeek() -> None:
    logs = lf.parse(ZEEK)
    assert (logs.format, logs.counts["blank"]) == ("zeek", 8)
    first, second = rows(logs)
    names = ("timestamp", "level", "service", "method", "endpoint", "status_code", "ip_address")
    assert some(first, *names) == (
        "2024-05-01T10:00:00.123456+00:00", "WARN", "zeek.http", "GET", "/x\ty", 404, "192.0.2.5",
    )  # fmt: skip
    assert first["metadata"] == {
        "uid": "CHhAvV", "id.orig_p": 5123, "host": "shop.example", "tags": [], "ids": [1, 2],
        "seen": True,
    }  # fmt: skip
    assert second["metadata"] == {
        "uid": "CHhAvW", "id.orig_p": 5123, "tags": ["a", "b"], "ids": [], "seen": False,
    }  # fmt: skip


def test_a_new_header_holds_from_where_it_stands() -> None:
    logs = lf.parse(IIS + "#Fields: date cs-method time\n2024-05-02 PUT 11:00:00\n" + CLOUDFRONT)
    assert [r["method"] for r in rows(logs)] == ["GET", "POST", "PUT", "GET"]
    assert rows(logs)[2]["timestamp"] == "2024-05-02T11:00:00+00:00"
    mixed = lf.parse(IIS + ZEEK + IIS)
    assert mixed["service"].to_pylist() == ["iis"] * 2 + ["zeek.http"] * 2 + ["iis"] * 2


def test_a_table_with_times_only_takes_the_date_of_its_header() -> None:
    text = "#Date: 2024-05-01 00:00:00\n#Fields: time cs-method cs-uri-stem\n10:11:12 GET /\n"
    assert rows(lf.parse(text))[0]["timestamp"] == "2024-05-01T10:11:12+00:00"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("2024-05-01 10:00:00 10.0.0.1 GET", "truncated"),
        ("2024-05-01 10:00:00 a b c d e f g h i j k l m n o", "no_match"),
        ("2024-05-01 25:00:00 10.0.0.1 GET / - 443 - 192.0.2.9 x 200 0 0 1", "invalid_header"),
        ("2024-05-01 10:00:00\0 10.0.0.1 GET / - 443 - 192.0.2.9 x 200 0 0 1", "binary"),
    ],
)
def test_bad_rows_are_rejects(bad: str, reason: str) -> None:
    row = IIS.splitlines()[-1]
    logs = lf.parse(IIS + bad + "\n" + "\n".join([row] * 9))
    assert logs.num_rows == 11
    assert [(r["line"], r["reason"]) for r in logs.rejected.to_pylist()] == [(7, reason)]


def test_rows_without_a_header_are_rejects_by_name_and_text_by_detection() -> None:
    line = "2024-05-01 10:00:00 10.0.0.1 GET /"
    assert lf.parse(line, format="w3c").rejected["reason"].to_pylist() == ["no_match"]
    assert lf.parse(line).num_rows == 1


def test_directives_of_other_text_stay_text() -> None:
    text = "#Software: something\nhello\n#Remark: more\n"
    assert lf.parse(text)["message"].to_pylist() == text.splitlines()


def test_hostile_headers() -> None:
    many = "#Fields: " + " ".join(f"f{i}" for i in range(5000)) + "\n" + "x " * 5000
    assert lf.parse(many, format="w3c").counts["rejected"] == 1
    assert lf.parse("#fields\t" + "\t" * 5000 + "\nx", format="zeek").num_rows == 0
    assert (
        lf.parse("#Fields:\n#fields\t\n#types\tset[\n#separator\nx\n", format="zeek").num_rows == 0
    )
    assert lf.parse("#fields\ta\n#types\tset[\n1\n", format="zeek").num_rows == 1
    for head in (
        b"#fields\xff7 low",
        b"#separator \\xc3\n#fields\xc3\xa9b",
    ):
        logs = lf.parse(head + b"\nx\xc3\xa9y\nz\xc3\xa9\n", format="zeek")
        seen = logs.num_rows + logs.rejected.num_rows + logs.counts["blank"]
        assert seen == logs.counts["lines"]
        logs.to_arrow().validate(full=True)


pieces = st.sampled_from([
    *IIS.splitlines(), *CLOUDFRONT.splitlines(), *ZEEK.splitlines(), *FIREWALL.splitlines(),
    "#Fields: date time cs-method", "2024-05-02 11:00:00 PUT", "plain text", "", "#Fields:",
    "#fields\tts\tmsg", "1714557600.5\thello", "#0 frame", "#Fields: \x00", "#Fields: a\xff\r",
])  # fmt: skip


@examples(150)
@given(
    st.lists(pieces, max_size=40), st.lists(st.integers(0, 4000), max_size=5),
    st.sampled_from(["auto", "w3c", "zeek"]), st.sampled_from([1, 2]), st.integers(64, 400),
)  # fmt: skip
def test_any_cut_and_any_number_of_threads_give_the_same(
    lines: list[str], cuts: list[int], format: str, threads: int, chunk: int
) -> None:
    data = "\n".join(lines).encode("latin-1")
    whole = lf.parse(data, format=format, received=1_780_000_000, threads=1)
    options = _core.ParseOptions()
    options.format, options.threads, options.chunk_bytes = format, threads, chunk
    options.received_us = 1_780_000_000_000_000
    reader = _core.Reader(options, _core.EnrichOptions())
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(edges):
        reader.feed(data[begin:end])
    cut = lf.LogBatch._from_core(reader.finish())
    in_memory = lf.parse(
        data, format=format, received=1_780_000_000, threads=threads, chunk_bytes=chunk
    )
    for other in (cut, in_memory):
        assert rows(other) == rows(whole)
        assert other.rejected.to_pylist() == whole.rejected.to_pylist()
        assert other.counts == whole.counts


def test_batches_and_files_know_earlier_headers(tmp_path: Path) -> None:
    row = IIS.splitlines()[-1] + "\n"
    (tmp_path / "u_ex.log").write_text(IIS + row * 5000)
    batches = list(lf.read_logs(tmp_path / "u_ex.log", batch_rows=1000, chunk_bytes=10_000))
    assert [b.num_rows for b in batches] == [1000, 1000, 1000, 1000, 1000, 2]
    assert all(b["status_code"].to_pylist()[1:] == [500] * (b.num_rows - 1) for b in batches)
