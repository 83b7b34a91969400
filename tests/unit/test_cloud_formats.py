"""What cloud services and firewalls export: objects around arrays of records, key=value logs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import logforest as lf
from logforest import _core

TRAIL = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "IAMUser", "userName": "bob"},
    "eventTime": "2024-05-01T10:00:01Z",
    "eventName": "GetObject",
    "sourceIPAddress": "192.0.2.4",
    "resources": [{"ARN": "arn:aws:s3:::shop"}],
}
IGNORED = ("id", "created_at")


def rows(logs: lf.LogBatch) -> list[dict[str, Any]]:
    return logs.to_arrow().drop_columns(list(IGNORED)).to_pylist()


def shown(logs: lf.LogBatch) -> tuple[Any, ...]:
    return rows(logs), logs.rejected.to_pylist(), dict(logs.counts)


def numbered(count: int) -> list[dict[str, Any]]:
    return [{**TRAIL, "requestID": f"r{i}"} for i in range(count)]


STYLES: dict[str, dict[str, Any]] = {
    "one line": {}, "tight": {"separators": (",", ":")}, "pretty": {"indent": 2},
    "tabs": {"indent": "\t"},
}  # fmt: skip
DOCUMENTS = {
    "records": lambda items: {"Records": items},
    "azure": lambda items: {"records": items},
    "page": lambda items: {"items": items, "total": 2, "next_cursor": None, "page": '}] "'},
    "array": lambda items: items,
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("form", ["auto", "json"])
def test_each_element_is_a_record(style: str, document: str, form: str) -> None:
    items = numbered(25)
    text = json.dumps(DOCUMENTS[document](items), **STYLES[style])
    alone = "\n".join(json.dumps(item) for item in items)
    for end in ("", "\n", "\n\n"):
        logs = lf.parse(text + end, format=form, received=0)
        assert logs.format == "json"
        assert logs.rejected.num_rows == 0
        assert [json.loads(r.pop("metadata")) for r in rows(logs)] == [
            json.loads(r.pop("metadata")) for r in rows(lf.parse(alone, received=0))
        ]
        assert [{**r, "metadata": None} for r in rows(logs)] == [
            {**r, "metadata": None} for r in rows(lf.parse(alone, received=0))
        ]


def test_documents_may_follow_each_other() -> None:
    one, two = json.dumps({"Records": numbered(3)}), json.dumps({"Records": numbered(2)}, indent=1)
    for text in (one + "\n" + two, two + "\n" + one + "\n", one + two, two + one):
        logs = lf.parse(text)
        assert (logs.num_rows, logs.rejected.num_rows) == (5, 0)


def test_longer_than_any_line() -> None:
    text = json.dumps({"Records": numbered(30_000)})
    assert len(text) > 6 << 20
    logs = lf.parse(text)
    assert (logs.num_rows, logs.rejected.num_rows) == (30_000, 0)


@pytest.mark.parametrize(
    "record",
    [
        {"items": [{"ts": "2024-05-01T10:00:01Z", "sku": 1}], "msg": "ordered"},
        {"items": [{"sku": 1}, {"sku": 2}]},
        {"spans": [{"ts": 1714557601, "n": 1}], "tags": {"a": 1}},
        {"Records": []},
        {"Records": [1, 2]},
        {"level": "warn", "Records": [TRAIL]},
    ],
)
def test_arrays_inside_a_record_stay_there(record: dict[str, Any]) -> None:
    line = json.dumps(record)
    for text in (line, f"{line}\n{line}", json.dumps(record, indent=2)):
        logs = lf.parse(text, format="json")
        assert logs.num_rows == text.count("}\n{") + 1
        assert logs.rejected.num_rows == 0


def test_a_broken_element_is_rejected_alone() -> None:
    good = json.dumps(TRAIL)
    text = f'{{"Records": [\n{good},\n{{"eventTime": oops}},\n{good}\n]}}\n'
    logs = lf.parse(text)
    assert logs.num_rows == 2
    (reject,) = logs.rejected.to_pylist()
    assert (reject["line"], reject["reason"]) == (3, "invalid_json")
    assert reject["text"] == '{"eventTime": oops}'
    cut = lf.parse(text[:-4])  # the array never ends
    assert (cut.num_rows, cut.rejected["reason"].to_pylist()) == (2, ["invalid_json", "truncated"])


@given(
    st.integers(0, 12), st.sampled_from(sorted(STYLES)), st.sampled_from(sorted(DOCUMENTS)),
    st.integers(64, 4000), st.integers(1, 3), st.integers(0, 400), st.integers(1, 300),
)  # fmt: skip
def test_pieces_chunks_and_threads_change_nothing(
    count: int, style: str, document: str, chunk: int, threads: int, cut: int, step: int
) -> None:
    text = json.dumps(DOCUMENTS[document](numbered(count)), **STYLES[style]).encode()
    data = text[: len(text) - cut] if cut < len(text) else text
    whole = lf.parse(data, format="json", received=0, threads=1)
    options = _core.ParseOptions()
    options.format, options.chunk_bytes, options.threads = "json", chunk, threads
    reader = _core.Reader(options, _core.EnrichOptions())
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
    assert shown(lf.LogBatch._from_core(reader.finish())) == shown(whole)


FORTI = (
    'date=2024-05-01 time=10:00:01 devname="fw-7" devid="FG1" eventtime=1714557601123456789 '
    'tz="+0200" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" '
    'srcip=192.0.2.4 srcport=5123 dstip=198.51.100.7 action="close" service="HTTPS" sentbyte=77'
)


def test_fortigate() -> None:
    (row,) = rows(lf.parse(FORTI))
    shown = {name: row[name] for name in ("level", "service", "source", "message", "ip_address")}
    assert shown == {
        "level": "INFO", "service": "fortigate", "source": "fw-7",
        "message": "traffic forward close", "ip_address": "192.0.2.4",
    }  # fmt: skip
    assert row["timestamp"].isoformat() == "2024-05-01T10:00:01.123456+00:00"
    assert json.loads(row["metadata"]) == {
        "devid": "FG1", "logid": "0000000013", "type": "traffic", "subtype": "forward",
        "vd": "root", "srcport": "5123", "dstip": "198.51.100.7", "action": "close",
        "service": "HTTPS", "sentbyte": "77",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ('date=2024-05-01 time=10:00:01 tz="+0200" msg="a"', "2024-05-01T08:00:01+00:00"),
        ('date=2024-05-01 time=10:00:01 tz="-0730" msg="a"', "2024-05-01T17:30:01+00:00"),
        ("date=2024-05-01 time=10:00:01.250 msg=a", "2024-05-01T10:00:01.250000+00:00"),
        ('<189>date="2024-05-01" time="10:00:01" msg="a"', "2024-05-01T10:00:01+00:00"),
        ("date=2024-05-01 time=10:00:01 eventtime=1714557599 msg=a", "2024-05-01T09:59:59+00:00"),
    ],
)
def test_times_of_fortigate(line: str, time: str) -> None:
    logs = lf.parse(line)
    assert logs.format == "fortigate"
    assert logs["timestamp"][0].as_py().isoformat() == time
    assert logs["message"].to_pylist() == ["a"]


def test_fortigate_words() -> None:
    line = r'date=2024-05-01 time=10:00:01 level=alert user="N/A" remip=x msg="a \"b\" c:\\d" k=é'
    (row,) = rows(lf.parse(line))
    assert (row["level"], row["message"], row["user_id"]) == ("CRITICAL", 'a "b" c:\\d', None)
    assert json.loads(row["metadata"]) == {"user": "N/A", "remip": "x", "k": "é"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('date=2024-05-01 time=10:00:01 msg="never ends', "truncated"),
        ("date=2024-05-01 time=10:00:01 two words", "no_match"),
        ('date=2024-05-01 time=10:00:01 msg="a"b', "no_match"),
        ("date=2024-13-41 time=10:00:01 msg=a", "invalid_header"),
        ("date=2024-05-01 time=1 msg=a", "invalid_header"),
        ("level=info msg=a", "no_match"),
    ],
)
def test_bad_lines_of_fortigate(line: str, reason: str) -> None:
    logs = lf.parse("\n".join([FORTI, line, FORTI]), format="fortigate")
    assert logs.num_rows == 2
    assert [(r["line"], r["reason"]) for r in logs.rejected.to_pylist()] == [(2, reason)]


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("date=2024-05-01T10:00:01Z time=12ms level=info msg=a", "logfmt"),
        ("date=today time=10:00:01 level=info msg=a", "logfmt"),
        ("<34>Oct 11 22:14:15 host su: date=2024-05-01 time=10:00:01", "rfc3164"),
        ("Wed May  1 10:00:01 2024 something else", "timestamped"),
    ],
)
def test_other_formats_keep_their_lines(line: str, form: str) -> None:
    assert lf.detect_format((line + "\n").encode() * 3) == form


FLOWS = (
    "2 123456789012 eni-0a1b2c3d 10.0.1.7 192.0.2.4 443 51234 6 12 6144 1714557601 1714557660 "
    "ACCEPT OK",
    "2 123456789012 eni-0a1b2c3d - - - - - - - 1714557602 1714557660 - NODATA",
)
NAMES = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status"
)


@pytest.mark.parametrize("head", ["", NAMES + "\n"])
def test_flow_logs(head: str) -> None:
    logs = lf.parse(head + "\n".join(FLOWS) + "\n")
    assert (logs.format, logs.num_rows, logs.rejected.num_rows) == ("aws_vpc_flow", 2, 0)
    one, two = rows(logs)
    assert (one["message"], two["message"]) == ("ACCEPT OK", "NODATA")
    assert (one["ip_address"], two["ip_address"]) == ("10.0.1.7", None)
    assert one["timestamp"].timestamp() == 1714557601
    assert json.loads(one["metadata"]) == {
        "version": 2, "account_id": "123456789012", "interface_id": "eni-0a1b2c3d",
        "dstaddr": "192.0.2.4", "srcport": 443, "dstport": 51234, "protocol": 6, "packets": 12,
        "bytes": 6144, "end": 1714557660, "action": "ACCEPT", "log_status": "OK",
    }  # fmt: skip


def test_flow_logs_of_other_columns() -> None:
    """Joined files: each brings its own line of names."""
    text = "\n".join(
        [
            "version vpc-id srcaddr start action", "5 vpc-1 192.0.2.4 1714557601 REJECT",
            NAMES, FLOWS[0],
            "version start flow-direction", "5 1714557603 ingress", "5 1714557604",
            "5 noon egress", "5 1714557605 egress more",
        ]
    )  # fmt: skip
    for form in ("auto", "aws_vpc_flow"):
        logs = lf.parse(text, format=form)
        stamps = [stamp.timestamp() for stamp in logs["timestamp"].to_pylist()]
        if form == "aws_vpc_flow":
            assert stamps == [1714557601, 1714557601, 1714557603]
            rejected = [(r["line"], r["reason"]) for r in logs.rejected.to_pylist()]
            assert rejected == [(7, "truncated"), (8, "no_match"), (9, "no_match")]
        assert logs["message"].to_pylist()[:3] == [
            "REJECT", "ACCEPT OK", "5 1714557603 ingress",
        ]  # fmt: skip


@given(st.integers(16, 400), st.integers(1, 3), st.integers(1, 100))
def test_flow_columns_are_known_in_every_chunk(chunk: int, threads: int, step: int) -> None:
    head = "version vpc-id srcaddr start action\n"
    lines = [f"5 vpc-{i} 192.0.2.{i} {1714557601 + i} REJECT\n" for i in range(40)]
    text = head + "".join(lines[:20]) + NAMES + "\n" + (FLOWS[0] + "\n") * 20
    data = text.encode()
    whole = lf.parse(data, format="aws_vpc_flow", received=0, threads=1)
    assert (whole.num_rows, whole.rejected.num_rows) == (40, 0)
    options = _core.ParseOptions()
    options.format, options.chunk_bytes, options.threads = "aws_vpc_flow", chunk, threads
    reader = _core.Reader(options, _core.EnrichOptions())
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
    assert shown(lf.LogBatch._from_core(reader.finish())) == shown(whole)
