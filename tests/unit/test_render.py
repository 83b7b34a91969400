"""Records as NDJSON and CSV: readable by anyone, harmless to terminals and spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from logforest import ConfigError, _core

HOSTILE = "=cmd|' /C calc'!A0 \"q\", \x1b[31mred\x1b[0m \x00 \x7f \u009b2J é 日本\r\nnext"


def batch(**columns: object) -> _core.LogBatch:
    rows = len(next(iter(columns.values())))
    base = {
        "id": list(range(1, rows + 1)),
        "timestamp": pa.array([1_763_700_000_123_456] * rows, pa.timestamp("us", "UTC")),
        "level": ["INFO"] * rows,
        "message": ["m"] * rows,
    }
    return _core.LogBatch.from_arrow(pa.table(base | columns))


def test_ndjson_round_trip() -> None:
    logs = batch(
        message=[HOSTILE, "plain"],
        metadata=['{"a":{"b":[1,2]}}', None],
        response_time=[1.25, float("nan")],
        status_code=pa.array([200, None], pa.int16()),
        service=["api", None],
    )
    first, second = (json.loads(line) for line in _core.render_ndjson(logs).splitlines())
    assert first["message"] == HOSTILE
    assert first["metadata"] == {"a": {"b": [1, 2]}}
    assert (first["response_time"], first["status_code"], first["service"]) == (1.25, 200, "api")
    assert datetime.fromisoformat(first["timestamp"]) == datetime(
        2025, 11, 21, 4, 40, 0, 123456, UTC
    )
    assert (second["response_time"], second["status_code"], second["metadata"]) == (None,) * 3


def test_ndjson_holds_no_control_characters() -> None:
    text = _core.render_ndjson(batch(message=[HOSTILE])).decode()
    assert text.endswith("}\n")
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text[:-1])


def test_ndjson_limit_counts_rows_over_chunks() -> None:
    tables = [pa.table(batch(id=[1, 2])), pa.table(batch(id=[3, 4]))]
    logs = _core.LogBatch.from_arrow(pa.concat_tables(tables))
    assert logs.num_chunks == 2
    ids = [json.loads(x)["id"] for x in _core.render_ndjson(logs, limit=3).splitlines()]
    assert ids == [1, 2, 3]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_formulas_are_defused(start: str) -> None:
    text = _core.render_csv(batch(message=[start + '1+"x",y'], service=["a,b"])).decode()
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert row["message"] == "'" + start + '1+"x",y'
    assert row["service"] == "a,b"
    assert row["metadata"] == ""


def test_timestamps_over_the_whole_calendar() -> None:
    moments = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2000, 2, 29, 12, 0, 0, 1, UTC),
        datetime(2100, 3, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
    ]
    stamps = pa.array(moments, pa.timestamp("us", "UTC"))
    lines = _core.render_ndjson(batch(id=list(range(6)), timestamp=stamps)).splitlines()
    assert [datetime.fromisoformat(json.loads(line)["timestamp"]) for line in lines] == moments


def test_import_takes_every_text_layout() -> None:
    values = ["api", None, "web", "api"]
    layouts = [pa.string(), pa.large_string()] + [
        pa.dictionary(index, pa.string()) for index in (pa.int8(), pa.uint16(), pa.int64())
    ]
    for layout in layouts:
        logs = batch(service=pa.array(values, layout), id=[1, 2, 3, 4])
        assert pa.table(logs)["service"].to_pylist() == values


def test_import_reads_levels_by_name_and_refuses_unknown_ones() -> None:
    logs = batch(level=["warning", "ERR", "fatal"], id=[1, 2, 3])
    assert pa.table(logs)["level"].to_pylist() == ["WARN", "ERROR", "CRITICAL"]
    with pytest.raises(ConfigError, match="unknown level"):
        batch(level=["sideways"])
    with pytest.raises(ConfigError, match="unknown category"):
        batch(category=["Sports"])
