"""Objects that stand for many records (CloudWatch Logs, OpenTelemetry), and events that have no
message."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

import logforest as lf
from logforest import _core

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
reference = importlib.import_module("batch_reference")
sys.path.pop(0)

RECEIVED = 1_780_000_000
COLUMNS = (
    "timestamp", "level", "service", "source", "message", "endpoint", "method", "status_code",
    "response_time", "user_id", "trace_id",
)  # fmt: skip
STREAM = {
    "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/lambda/pay",
    "logStream": "2026/03/01/[$LATEST]9f", "subscriptionFilters": ["all"],
}  # fmt: skip


def rows(logs: lf.LogBatch) -> list[dict[str, Any]]:
    out = logs.to_arrow().to_pylist()
    for row in out:
        row["timestamp"] = round(row["timestamp"].timestamp() * 1_000_000)
        row["metadata"] = row["metadata"] and json.loads(row["metadata"])
        del row["id"], row["created_at"]
    return out


def events(count: int) -> list[dict[str, Any]]:
    return [
        {"id": f"{i:056}", "timestamp": 1_770_000_000_000 + i, "message": f"line {i}\n"}
        for i in range(count)
    ]


@pytest.mark.parametrize(
    "style", [{}, {"separators": (",", ":")}, {"indent": 2}, {"sort_keys": True}]
)
@pytest.mark.parametrize("form", ["auto", "json"])
def test_cloudwatch(style: dict[str, Any], form: str) -> None:
    text = json.dumps({**STREAM, "logEvents": events(3)}, **style)
    for end in ("", "\n"):
        logs = lf.parse(text + end, format=form)
        assert (logs.format, logs.num_rows, logs.rejected.num_rows) == ("json", 3, 0)
        for i, row in enumerate(rows(logs)):
            assert row["timestamp"] == (1_770_000_000_000 + i) * 1000
            assert (row["message"], row["level"]) == (f"line {i}", "INFO")
            assert (row["service"], row["source"]) == (STREAM["logGroup"], STREAM["logStream"])
            assert row["metadata"] == {
                "id": f"{i:056}", "messageType": "DATA_MESSAGE", "owner": "123456789012",
                "subscriptionFilters": ["all"],
            }  # fmt: skip


def test_lines_inside_events_and_streams_one_behind_the_other() -> None:
    line = json.dumps({"level": "warn", "msg": "slow", "service": "pay", "ms": 3})
    one = {**STREAM, "logEvents": [{"id": "1", "timestamp": 1_770_000_000_000, "message": line}]}
    two = {**STREAM, "logGroup": "/ecs/web", "logEvents": events(2)}
    for joint in ("", "\n", " "):
        logs = lf.parse(joint.join(map(json.dumps, (one, two, {"msg": "alone"}))))
        assert logs.rejected.num_rows == 0
        assert logs["message"].to_pylist() == ["slow", "line 0", "line 1", "alone"]
        assert logs["service"].to_pylist() == ["pay", "/ecs/web", "/ecs/web", None]
        first = rows(logs)[0]
        assert (first["level"], first["source"]) == ("WARN", STREAM["logStream"])
        assert first["metadata"]["ms"] == 3
        assert first["metadata"]["logGroup"] == STREAM["logGroup"]


def test_a_file_of_firehose_has_no_line_end() -> None:
    text = "".join(json.dumps({**STREAM, "logEvents": events(50)}) for _ in range(400))
    assert len(text) > 1 << 21
    for threads, chunk in ((1, 1 << 22), (2, 1 << 16)):
        logs = lf.parse(text, threads=threads, chunk_bytes=chunk)
        assert (logs.num_rows, logs.rejected.num_rows) == (20_000, 0)
        assert set(logs["service"].to_pylist()) == {STREAM["logGroup"]}


def otlp(*bodies: str) -> dict[str, Any]:
    def attribute(key: str, value: str) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": value}}

    records = [
        {
            "timeUnixNano": str(1_770_000_000_000_000_000 + i), "severityNumber": 17,
            "body": {"stringValue": body}, "attributes": [attribute("order", str(i))],
            "traceId": "5b8efff798038103d269b633813fc60c",
        }
        for i, body in enumerate(bodies)
    ]  # fmt: skip
    scope = {"name": "lib", "version": "1"}
    resource = {"attributes": [attribute("service.name", "pay"), attribute("zone", "a")]}
    return {
        "resourceLogs": [
            {"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": records}] * 2}
        ]
    }


@pytest.mark.parametrize("indent", [None, 1])
def test_opentelemetry(indent: int | None) -> None:
    logs = lf.parse(json.dumps(otlp("a", "b"), indent=indent))
    assert (logs.num_rows, logs.rejected.num_rows) == (4, 0)
    assert logs["message"].to_pylist() == ["a", "b"] * 2
    assert set(logs["level"].to_pylist()) == {"ERROR"}
    assert set(logs["service"].to_pylist()) == {"pay"}
    assert rows(logs)[1]["metadata"] == {
        "attributes": {"order": "1"}, "scope": {"name": "lib", "version": "1"},
        "resource": {"attributes": {"zone": "a"}},
    }  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        {"time": 1_770_000_000, "logEvents": events(2)},
        {"message": "two", "logEvents": events(2)},
        {"level": "warn", "logEvents": events(2)},
        {"a": events(1), "b": events(1)},
        {"logEvents": [{"timestamp": 1, "message": "a"}, 2]},
        {"logEvents": [{"message": "a"}]},
        {"logEvents": [{"timestamp": 1}], "x": {}},
        {"outer": [{"middle": []}]},
        {"logEvents": []},
        {"a": {"logEvents": events(2)}},
        {"pad": "x" * 4000, "logEvents": [{"ts": 1_770_000_000, "msg": ""}] * 200},
    ],
)
def test_other_lists_stay_in_their_record(record: dict[str, Any]) -> None:
    line = json.dumps({"x": 1, **record})
    logs = lf.parse(f"{line}\n{line}\n", format="json")
    assert (logs.num_rows, logs.rejected.num_rows) == (2, 0)


def test_limits_hold_for_each_record() -> None:
    many = {f"k{i}": i for i in range(60)}
    good = {"ts": 1_770_000_000, "msg": "m", **many}
    options = _core.ParseOptions()
    options.format, options.max_fields = "json", 100

    def parse(value: Any) -> lf.LogBatch:
        reader = _core.Reader(options, _core.EnrichOptions())
        reader.feed(json.dumps(value).encode())
        return lf.LogBatch._from_core(reader.finish())

    assert parse({"x": {}, "list": [good] * 50}).num_rows == 50
    assert (
        parse({"x": {}, "list": [good, {**good, **{f"z{i}": i for i in range(60)}}]}).num_rows == 0
    )
    wide = parse({"x": {f"z{i}": i for i in range(60)}, "list": [good] * 2})
    assert wide.rejected["reason"].to_pylist() == ["too_many_fields"]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), max_size=8)
scalars = st.one_of(texts, st.integers(0, 600), st.booleans(), st.none())
names = st.sampled_from(
    ["x", "y", "error", "action", "eventSource", "errorMessage", "errorCode", "service", "host",
     "user_id", "status", "path", "logGroup", "logStream", "level", "msg", "tags", "error.message"]
)  # fmt: skip
around = st.dictionaries(
    names,
    st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(names, scalars, max_size=2)),
    max_size=4,
)  # fmt: skip
stamps = st.sampled_from(["2026-03-01T10:00:00Z", 1_770_000_000_123, "never"])
messages = st.one_of(texts, around.map(json.dumps))
leaves = st.tuples(
    around, st.dictionaries(st.sampled_from(["ts", "time"]), stamps, max_size=1),
    st.dictionaries(st.sampled_from(["message", "msg", "eventName"]), messages, max_size=1),
).map(lambda parts: {**parts[0], **parts[1], **parts[2]})  # fmt: skip


def wrapped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.lists(inner, min_size=1, max_size=3)
    return st.tuples(around, lists, around, st.sampled_from(["logEvents", "records", "z"])).map(
        lambda p: {**p[0], p[3]: p[1], **p[2]}
    )


batches = st.one_of(
    leaves, wrapped(leaves), wrapped(wrapped(leaves)), wrapped(st.one_of(leaves, scalars))
)


def parsed(lines: list[str], cuts: int, threads: int, chunk: int) -> lf.LogBatch:
    options = _core.ParseOptions()
    options.format, options.threads, options.chunk_bytes = "json", threads, chunk
    options.received_us = RECEIVED * 1_000_000
    reader = _core.Reader(options, _core.EnrichOptions())
    data = "\n".join(lines).encode()
    for at in range(0, len(data), cuts):
        reader.feed(data[at : at + cuts])
    return lf.LogBatch._from_core(reader.finish())


@examples(100)
@given(st.lists(batches, max_size=5), st.integers(1, 900))
def test_as_the_reference(values: list[Any], cuts: int) -> None:
    lines = ['{"msg":"first"}', *map(json.dumps, values)]
    wanted = [reference.parse_line(line, RECEIVED * 1_000_000) for line in lines]
    whole = parsed(lines, 1 << 20, 1, 1 << 22)
    got = rows(whole)
    expected = [row for records in wanted if records is not None for row in records]
    assert len(got) == len(expected)
    for row, other in zip(got, expected, strict=True):
        assert row["metadata"] == other["metadata"]
        for name in COLUMNS:
            assert row[name] == other.get(name), (name, lines)
    for threads, chunk in ((1, 64), (2, 200)):
        again = parsed(lines, cuts, threads, chunk)
        assert rows(again) == got
        assert again.counts == whole.counts


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"eventSource": "ec2.amazonaws.com", "eventName": "StartInstances"},
         "ec2.amazonaws.com StartInstances"),
        ({"errorMessage": "no", "errorCode": "Denied", "eventName": "Get"}, "Get: no"),
        ({"eventName": "GetObject", "errorCode": "AccessDenied"}, "GetObject: AccessDenied"),
        ({"operationName": "Delete", "resultType": "0"}, "Delete"),
        ({"error": {"message": "boom", "code": "E1"}}, "boom"),
        ({"protoPayload": {"methodName": "insert", "serviceName": "compute.googleapis.com"}},
         "compute.googleapis.com insert"),
        ({"event": {"action": "login", "outcome": "failure"}}, "login"),
        ({"action": "login", "msg": "said"}, "said"),
        ({"msg": "", "action": "login"}, ""),
        ({"action": 5, "error": None}, ""),
        ({"nothing": "said"}, ""),
    ],
)  # fmt: skip
def test_events_without_a_message(record: dict[str, Any], message: str) -> None:
    (row,) = rows(lf.parse(json.dumps({"ts": 1_770_000_000, **record})))
    assert row["message"] == message
    kept = {key: value for key, value in record.items() if key != "msg"}
    assert row["metadata"] == (kept or None)  # all is kept where it was


def test_pairs_tell_of_events_too() -> None:
    (row,) = rows(lf.parse('level=warn eventSource=iam action=login error="bad password"'))
    assert row["message"] == "iam login: bad password"


NUMBERS = (
    "0", "7", "00", "01", "007", "0.5", "0.", ".5", "1.", "1.2", "12.34567", "12.345678", "99",
    "100", "999", "1000", "200.0", "200.", "2e2", "2E+2", "1e400", "-1", "-0", "--1", "+1",
    "1234567890", "12345678901", "1234567890.12345", "1234567890.123456", "1.2.3", "0x10",
    "1_0", "1,", "1 ",
)  # fmt: skip


@pytest.mark.parametrize("key", ["duration_ms", "status", "duration", "elapsed_s", "x"])
@pytest.mark.parametrize("literal", NUMBERS)
def test_numbers_by_their_literals(key: str, literal: str) -> None:
    for text in (f'{{"{key}":{literal}}}', f'{{"{key}":{literal},"y":1}}', f'{{"{key}":{literal}'):
        logs = lf.parse(text, format="json")
        try:
            value = json.loads(text)
        except ValueError:
            assert (logs.num_rows, logs.rejected.num_rows) == (0, 1), text
            continue
        (row,) = rows(logs)
        number = value[key]
        kept = dict(value)
        if key == "status" and isinstance(number, int) and 100 <= number <= 999:
            assert row["status_code"] == kept.pop(key)
        elif key not in ("status", "x") and 0 <= number < 1e300:
            wanted = kept.pop(key) * (1000 if key == "elapsed_s" else 1)
            assert row["response_time"] == wanted, text
        else:
            assert row["status_code"] is None
            assert row["response_time"] is None
        assert row["metadata"] == (kept or None), text
