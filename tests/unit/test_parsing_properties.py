"""Any bytes, cut anywhere, on any number of threads: the same table, and that of the reference."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

import logforest as lf
from logforest import _core

_PATH = Path(__file__).parents[1] / "reference" / "records_reference.py"
_SPEC = importlib.util.spec_from_file_location("records_reference", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
reference = importlib.util.module_from_spec(_SPEC)
sys.modules["records_reference"] = reference
_SPEC.loader.exec_module(reference)

RECEIVED = 1_780_000_000
COLUMNS = (
    "timestamp", "level", "service", "source", "message", "endpoint", "method", "status_code",
    "response_time", "user_id", "trace_id",
)  # fmt: skip

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), max_size=12)
stamps = st.sampled_from(
    ["2026-03-01T10:00:00Z", "2026-03-01 10:00:00,123", "2026-02-29T00:00:00Z", "1700000000",
     "1700000000123", "yesterday", "2026-03-01T10:00:00.123456789+02:00", ""]
)  # fmt: skip
words = st.sampled_from(["info", "WARN", "boom", "GET", "200", "404", "12ms", "1.5s", "3"])
numbers = st.one_of(
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([200, 503, 3, 30, 500, 1700000000]),
)
keys = st.one_of(
    st.sampled_from(sorted(reference.ALIASES)),
    st.sampled_from(["http", "user", "service", "log", "x", "host", "trace", "Level", "url"]),
    st.text('xyz\u00e9\u4e2d"\\/ .\t0', max_size=6),  # never an alias of the core
)
values = st.recursive(
    st.one_of(texts, stamps, words, numbers, st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=6,
)
json_lines = st.dictionaries(keys, values, max_size=6).flatmap(
    lambda record: st.booleans().map(lambda ascii_: json.dumps(record, ensure_ascii=ascii_))
)
broken = st.one_of(
    json_lines.flatmap(lambda line: st.integers(0, len(line)).map(lambda n: line[:n])),
    st.sampled_from(["{", "[]", "[1]", '{"a":"\t"}', '{"a":01}', "nul", "", "  ", '{"a":1}}']),
)
json_sources = st.lists(st.one_of(json_lines, json_lines, broken), max_size=12)

bare = st.text("abcdefghij0123456789./:-", max_size=8)
logfmt_pairs = st.one_of(
    st.tuples(keys.filter(lambda k: k and not set(k) & set(' ="') and k.isprintable()),
              st.one_of(bare, words, stamps.filter(lambda s: " " not in s))).map("=".join),
    st.tuples(st.sampled_from(["msg", "x", "level"]), texts).map(
        lambda p: f"{p[0]}={json.dumps(p[1])}"
    ),
    st.sampled_from(["bare", 'a="', "=x", 'k=a"b', "k=a=b", "k="]),
)  # fmt: skip
logfmt_lines = st.lists(logfmt_pairs, min_size=1, max_size=6).map(" ".join)


def table(batch: lf.LogBatch) -> dict[str, Any]:
    out = batch.to_arrow().drop_columns(["metadata"]).to_pydict()
    out["metadata"] = [m and json.loads(m) for m in batch["metadata"].to_pylist()]
    out["rejected"] = batch.rejected.to_pylist()
    out["counts"] = batch.counts
    return out


def options(format: str, threads: int, chunk: int) -> _core.ParseOptions:
    made = _core.ParseOptions()
    made.format, made.threads, made.chunk_bytes = format, threads, chunk
    made.received_us = RECEIVED * 1_000_000
    return made


def fed(data: bytes, cuts: list[int], given_options: _core.ParseOptions) -> lf.LogBatch:
    reader = _core.Reader(given_options, _core.EnrichOptions())
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(edges):
        reader.feed(data[begin:end])
    return lf.LogBatch._from_core(reader.finish())


def check(lines: list[str], format: str, oracle: Callable[..., Any], cuts: list[int]) -> None:
    data = "\n".join(lines).encode()
    whole = table(lf.parse(data, format=format, received=RECEIVED, threads=1))
    for threads, chunk in ((1, 64), (2, 100), (2, 1 << 22)):
        got = table(fed(data, cuts, options(format, threads, chunk)))
        assert got == whole
    wanted = [oracle(line, RECEIVED * 1_000_000) for line in lines if line.strip(" \t")]
    rows = [row for row in wanted if row is not None]
    stamps_us = whole["timestamp"]
    assert len(stamps_us) == len(rows)
    for i, row in enumerate(rows):
        for name in COLUMNS:
            value = whole[name][i]
            if name == "timestamp":
                value = round(value.timestamp() * 1_000_000)
            expected = row.get(name)
            if isinstance(expected, float):
                expected = pytest.approx(expected, rel=1e-12)
            assert value == expected, (name, lines)
        assert whole["metadata"][i] == row["metadata"], lines


@examples(50)
@given(json_sources, st.lists(st.integers(0, 900), max_size=4))
def test_json(lines: list[str], cuts: list[int]) -> None:
    # The first line decides between lines and documents: keep it a line.
    lines = ['{"msg":"first"}', *lines]
    lines = [line for line in lines if line.strip(" \t") not in ("[]",)]
    check(lines, "json", reference.parse_json_line, cuts)


@examples(50)
@given(st.lists(logfmt_lines, max_size=10), st.lists(st.integers(0, 900), max_size=4))
def test_logfmt(lines: list[str], cuts: list[int]) -> None:
    check(lines, "logfmt", reference.parse_logfmt_line, cuts)


@examples(100)
@given(
    st.integers(1, 6), st.sampled_from([None, 0, 2]), st.integers(0, 400),
    st.lists(st.integers(0, 400), max_size=4),
)  # fmt: skip
def test_an_array_that_is_cut_off_keeps_its_records(
    count: int, indent: int | None, cut: int, cuts: list[int]
) -> None:
    text = json.dumps([{"msg": f"m{i}", "x": {"y": [i]}} for i in range(count)], indent=indent)
    text = text[: 1 + cut % len(text)]
    logs = lf.parse(text, format="json", received=RECEIVED)
    complete = len(re.findall(r"\]\s*\}\s*\}", text))
    assert logs["message"].to_pylist() == [f"m{i}" for i in range(complete)]
    whole = text.endswith("]") and complete == count
    assert logs.rejected["reason"].to_pylist() == ([] if whole else ["truncated"])
    if not whole:
        (bad,) = logs.rejected.to_pylist()
        assert text[bad["offset"] :].startswith(bad["text"])
        assert bad["line"] == 1 + text[: bad["offset"]].count("\n")
    assert table(fed(text.encode(), cuts, options("json", 2, 64))) == table(logs)


@examples(50)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=4))
def test_any_bytes_are_accounted_for(data: bytes, cuts: list[int]) -> None:
    for format in ("auto", "json", "logfmt", "plain"):
        whole = table(lf.parse(data, format=format, received=RECEIVED))
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            continue
        assert table(fed(data, cuts, options(format, 2, 64))) == whole
        counts = whole["counts"]
        assert counts["lines"] == data.count(b"\n") + (
            not data.endswith(b"\n") and data not in (b"", b"\xef\xbb\xbf")
        )
        parts = counts["records"] + counts["rejected"] + counts["continuation"] + counts["blank"]
        assert parts >= counts["lines"]
