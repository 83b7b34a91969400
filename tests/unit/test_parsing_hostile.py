"""Hostile and broken input: bounded, accounted for, neighbours intact, clear reasons."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import logforest as lf
from logforest import _core
from logforest.parsing import _options

GOOD = b'{"msg":"good"}\n'


def around(bad: bytes, **options: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """The messages and rejects of a bad line between two good ones."""
    batch = lf.parse(GOOD + bad + b"\n" + GOOD, format="json", **options)
    return batch["message"].to_pylist(), batch.rejected.to_pylist()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"msg":"cut', "truncated"),
        (b'{"msg":"cut\\', "truncated"),
        (b'{"msg":"a"b"}', "invalid_json"),
        (b'{"msg":"\xff\xfe"}', "invalid_utf8"),
        (b'{"msg":"\xc0\xaf"}', "invalid_utf8"),
        (b'{"msg":"a\x00b"}', "binary"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
        (b'{"msg":"x","a":' + b"[" * 600 + b"]" * 600 + b"}", "too_deep"),
        (b"{" + b",".join(b'"k%d":1' % i for i in range(50_000)) + b"}", "too_many_fields"),
        (b'{"msg":"' + b"x" * (2 << 20) + b'"}', "line_too_long"),
        (b'{"msg":"x"} trailing', "invalid_json"),
        (b'{"msg":NaN}', "invalid_json"),
        (b'"text"', "not_an_object"),
        (b"[1,2]", "not_an_object"),
    ],
)
def test_one_bad_line_is_one_reject(bad: bytes, reason: str) -> None:
    messages, rejects = around(bad)
    assert messages == ["good", "good"]
    assert [(r["line"], r["offset"], r["reason"]) for r in rejects] == [(2, len(GOOD), reason)]
    assert len(rejects[0]["text"]) <= 2048


def test_lone_surrogates_and_equal_keys_are_accepted() -> None:
    messages, rejects = around(b'{"msg":"\\ud800x","msg":"second","k":1,"k":2}')
    assert rejects == []
    assert messages == ["good", "\ufffdx", "good"]


def test_a_giant_line_needs_no_giant_memory() -> None:
    reader = _core.Reader(_options("json", None, threads=1), _core.EnrichOptions())
    block = b"x" * (1 << 20)
    reader.feed(GOOD + b'{"msg":"')
    for _ in range(200):
        reader.feed(block)
    reader.feed(b'"}\n' + GOOD)
    batch = lf.LogBatch._from_core(reader.finish())
    assert batch["message"].to_pylist() == ["good", "good"]
    rejects = batch.rejected.to_pylist()
    assert [(r["line"], r["offset"], r["reason"]) for r in rejects] == [
        (2, len(GOOD), "line_too_long")
    ]
    assert batch.counts["lines"] == 3


def test_a_giant_array_on_one_line_is_read_record_by_record() -> None:
    text = json.dumps([{"msg": f"m{i}", "pad": "x" * 100} for i in range(30_000)])
    batch = lf.read_logs(text.encode(), chunk_bytes=1 << 16)
    assert batch.num_rows == 30_000
    assert batch["message"][29_999].as_py() == "m29999"


def test_text_formats_repair_bad_utf8_and_count_it() -> None:
    batch = lf.parse(b"level=info msg=caf\xe9\nlevel=info msg=ok", format="logfmt")
    assert batch["message"].to_pylist() == ["caf\ufffd", "ok"]
    assert batch.counts["repaired_bytes"] == 1


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_with_a_mark(codec: str) -> None:
    data = ("\ufeff" + '{"msg":"für"}\n' * 3).encode(codec)
    for batch in (lf.parse(data), lf.read_logs(io.BytesIO(data))):
        assert batch["message"].to_pylist() == ["für"] * 3


def test_binary_files_are_rejected_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(bytes(range(256)) * 40)
    batch = lf.read_logs(path)
    counts = batch.counts
    assert counts["lines"] == counts["records"] + counts["rejected"] + counts["blank"]
    assert "binary" in batch.rejected["reason"].to_pylist()


def test_truncated_gzip_keeps_what_could_be_read(tmp_path: Path) -> None:
    lines = b"".join(b'{"msg":"m%d","n":%d}\n' % (i, i * 7919 % 1000) for i in range(5000))
    path = tmp_path / "app.log.gz"
    whole = gzip.compress(lines)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(lf.ParseError, match=r"app\.log\.gz: the gzip data ends early") as caught:
        lf.read_logs(path)
    partial = caught.value.partial
    assert isinstance(partial, lf.LogBatch)
    assert 1000 < partial.num_rows < 5000
    kept = lf.read_logs(path, damaged="keep")
    assert kept.num_rows == partial.num_rows
    assert kept.rejected.to_pylist()[-1]["reason"] == "truncated"
    path.write_bytes(whole[:-8] + b"\0\0\0\0" + whole[-4:])
    with pytest.raises(lf.ParseError, match="corrupt"):
        lf.read_logs(path)


def test_gzip_members_with_padding_and_garbage() -> None:
    member = gzip.compress(GOOD)
    assert lf.read_logs(member * 3 + b"\0" * 512).num_rows == 3
    with pytest.raises(lf.ParseError, match="follows the data"):
        lf.read_logs(member + b"garbage")


def test_a_decompression_bomb_ends_early_in_bounded_memory() -> None:
    bomb = gzip.compress(b"\n" * (200 << 20))
    tracemalloc.start()
    with pytest.raises(lf.ParseError, match="bomb"):
        lf.read_logs(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20


def test_formats_inside_formats() -> None:
    once = gzip.compress(GOOD)
    assert lf.read_logs(gzip.compress(once)).num_rows == 1


def test_streams_that_give_little_or_fail() -> None:
    class Slow(io.RawIOBase):
        def __init__(self) -> None:
            self.parts: Iterator[bytes] = iter([b'{"ms', b'g":"a"}', b"\n", b'{"msg":"b"}'])

        def read(self, size: int = -1) -> bytes:
            return next(self.parts, b"")

    assert lf.read_logs(Slow())["message"].to_pylist() == ["a", "b"]  # type: ignore[arg-type]
    assert lf.read_logs(io.StringIO('{"msg":"text"}'))["message"].to_pylist() == ["text"]
    with pytest.raises(FileNotFoundError):
        lf.read_logs("/nonexistent/app.log")
    with pytest.raises(FileNotFoundError):
        lf.read_logs("/nonexistent/*.log")
    with pytest.raises(OSError, match="directory"):
        lf.read_logs("/")


@pytest.mark.parametrize(
    "options", [{"threads": -1}, {"max_depth": 0}, {"zone_minutes": 5000}, {"chunk_bytes": -5}]
)
def test_odd_options(options: dict[str, int]) -> None:
    if "threads" in options:
        assert lf.parse(GOOD, **options).num_rows == 1
    else:
        with pytest.raises(lf.ConfigError, match=next(iter(options))):
            lf.parse(GOOD, **options)


def test_rows_from_python_parsers() -> None:
    rows = [{"level": "warn", "msg": "a", "n": 2**70, "t": [1]}, None, "nonsense", {"msg": {1}}]
    core = _core.rows_to_batch(
        rows, ["l1", "l2", "l3", "l4"], _options("plain", None), _core.EnrichOptions(), "mine"
    )
    batch = lf.LogBatch._from_core(core)
    assert batch["message"].to_pylist() == ["a"]
    assert json.loads(batch["metadata"][0].as_py()) == {"n": 2**70, "t": [1]}
    assert batch.rejected["reason"].to_pylist() == ["no_match", "parser_error", "parser_error"]
    assert batch.rejected["offset"].to_pylist() == [3, 6, 9]


@pytest.mark.parametrize(
    ("format", "line"),
    [
        ("json", '{"ts":"0000-01-01T00:00:00Z","msg":"x"}'),
        ("json", '{"ts":"9999-12-31T23:59:59-12:00","msg":"x"}'),
        ("json", '{"ts":"0001-01-01T00:00:00+12:00","msg":"x"}'),
        ("json", '{"ts":9223372036854775807,"msg":"x"}'),
        ("rfc5424", "<1>1 0000-01-01T00:00:00Z h a - - - m"),
        ("apache_common", '192.0.2.1 - - [01/Jan/0000:00:00:00 +0000] "GET / HTTP/1.1" 200 1'),
        ("apache_common", '192.0.2.1 - - [31/Dec/9999:23:59:59 -1200] "GET / HTTP/1.1" 200 1'),
        ("auto", "0000-01-01 00:00:00 INFO x"),
        ("nginx_error", "0000/01/01 00:00:00 [error] 1#1: x"),
        ("redis", "12:M 01 Jan 0000 10:00:00.250 # WARNING x"),
        ("klog", "I00000101 00:00:00.000000 1 a.go:1] x"),
    ],
)
def test_times_of_no_calendar_do_not_spoil_the_batch(format: str, line: str) -> None:
    logs = lf.parse(line, format=format, received=1_780_000_000)
    assert logs.num_rows + logs.counts["rejected"] == 1
    for stamp in logs["timestamp"].to_pylist():  # raises for years that Python does not have
        assert stamp.timestamp() == 1_780_000_000
    if format == "json":
        assert "ts" in json.loads(logs["metadata"][0].as_py())


DEEP = b'{"msg":"deep","a":' + b"[" * 600 + b"]" * 600 + b"}"
MANY = b'{"msg":"many",' + b",".join(b'"k%d":1' % i for i in range(1200)) + b"}"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"5", "not_an_object"),
        (b'[{"msg":"x"}]', "not_an_object"),
        (b'"}],{"', "not_an_object"),
        (b'{"msg":"x",}', "invalid_json"),
        (b'{"msg":"}]\\"",}', "invalid_json"),
        (b"tru", "invalid_json"),
        (DEEP, "too_deep"),
        (MANY, "too_many_fields"),
    ],
)
@pytest.mark.parametrize("format", ["json", "auto"])
def test_an_element_of_an_array_on_a_line_costs_its_neighbours_nothing(
    bad: bytes, reason: str, format: str
) -> None:
    array = b'[{"msg":"a"},' + bad + b',{"msg":"b"}, ' + bad + b',{"msg":"c"}]'
    logs = lf.parse(GOOD + array + b"\n" + GOOD, format=format)
    assert logs["message"].to_pylist() == ["good", "a", "b", "c", "good"]
    first, second = logs.rejected.to_pylist()
    assert (first["line"], second["line"]) == (2, 2)
    assert (first["reason"], second["reason"]) == (reason, reason)
    assert first["offset"] == len(GOOD) + array.find(bad, 13)
    assert second["offset"] == len(GOOD) + array.rfind(bad)
    assert first["text"] == bad.decode()[:2048]


def test_objects_on_one_line_of_which_one_is_broken() -> None:
    bad = b'{"msg":"b",}'
    messages, rejects = around(b'{"msg":"a"} ' + bad + b'{"msg":"c"}')
    assert messages == ["good", "a", "c", "good"]
    assert [(r["offset"], r["text"]) for r in rejects] == [(len(GOOD) + 12, bad.decode())]
    messages, rejects = around(bad + b'{"msg":"c"}')
    assert messages == ["good", "c", "good"]
    assert [(r["line"], r["text"]) for r in rejects] == [(2, bad.decode())]


@pytest.mark.parametrize(
    "text",
    [
        b'[{"msg":"b","x":{"y":[1,2]}}{{"msg":"b","x":{"y":[1,2]}}{},5\n{"msg":"g"}\n',
        b'[[],{"msg":"}],{"},"s",{,[],{},{"msg":"}],{"},tru,{"a":1,}\n{"msg":"g"}\n',
        b'[{"msg":"a"},{{"msg":"b","x":{"y":[1,2]}},\r\n{"msg":"g"}\r\n',
    ],
)
def test_text_of_a_broken_record_is_the_same_wherever_a_chunk_ends(text: bytes) -> None:
    whole = lf.parse(text, format="json", threads=1, received=1)
    for size in range(1, len(text)):
        cut = lf.parse(text, format="json", threads=2, received=1, chunk_bytes=size)
        assert cut["message"].to_pylist() == whole["message"].to_pylist()
        assert cut.rejected.to_pylist() == whole.rejected.to_pylist()


def test_an_array_that_breaks_off_keeps_what_came_before() -> None:
    messages, rejects = around(b'[{"msg":"a"},{"msg":"b"},{"msg":')
    assert messages == ["good", "a", "b", "good"]
    assert [(r["reason"], r["text"]) for r in rejects] == [("truncated", '{"msg":')]


def test_a_line_of_another_format_is_not_read_twice_for_a_part_of_it() -> None:
    text = b"2026-01-05 10:00:00 INFO svc: started\n" * 20 + b'[{"msg":"a"},5]\n'
    logs = lf.parse(text)
    assert logs["message"].to_pylist()[20:] == ["a"]
    assert logs.rejected["text"].to_pylist() == ["5"]


@pytest.mark.parametrize("depth", [600, 5000, 100_000])
def test_brackets_without_end_are_rejected_not_blank(depth: int) -> None:
    logs = lf.parse(b"[" * depth + b"]" * depth + b"\n" + GOOD, format="json")
    assert logs["message"].to_pylist() == ["good"]
    assert logs.rejected["reason"].to_pylist() == ["too_deep"]
    assert logs.counts["blank"] == 0
