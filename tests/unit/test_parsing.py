"""read_logs, parse and LogBatch: shapes of input and output."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path
from typing import Any

import pytest
import zstandard

import logforest as lf

LINES = [f'{{"level":"info","msg":"m{i}","n":{i}}}' for i in range(500)]
TEXT = "\n".join(LINES) + "\n"


def messages(batch: lf.LogBatch) -> list[str]:
    return batch["message"].to_pylist()


def test_bad_lines_are_rejects_with_place_and_reason_and_neighbours_stay() -> None:
    text = '{"msg":"a"}\n{"msg":\n[1]\n{"msg":"b"}\n\n'
    batch = lf.parse(text)
    assert messages(batch) == ["a", "b"]
    assert batch.rejected.to_pylist() == [
        {"line": 2, "offset": 12, "reason": "truncated", "text": '{"msg":', "file": None},
        {"line": 3, "offset": 20, "reason": "not_an_object", "text": "[1]", "file": None},
    ]
    counts = batch.counts
    assert (counts["lines"], counts["records"], counts["rejected"], counts["blank"]) == (5, 2, 2, 1)


@pytest.mark.parametrize(
    ("text", "kept", "rejected"),
    [
        ('[{"msg":"a"},', 1, (1, 0, "[")),
        ('[{"msg":"a"}', 1, (1, 0, "[")),
        ('[\n{"msg":"a"},\n{"msg":"b"},\n', 2, (1, 0, "[")),
        ('[{"msg":"a"}]\n[{"msg":"b"},\n{"msg":"c"}\n', 3, (2, 14, '[{"msg":"b"},')),
        ('[\n{"msg":"a"}\n]\n[\n{"msg":"b"}\n', 2, (4, 16, "[")),
        ('[{"msg":"a"},{"msg":', 1, (1, 13, '{"msg":')),
        ('{"msg":"a"}\n{"msg":["b"', 1, (2, 12, '{"msg":["b"')),
        ("[", 0, (1, 0, "[")),
        ('[\n{"msg":"a"}\n]\n', 1, None),
    ],
)
def test_what_is_cut_off_is_one_reject(text: str, kept: int, rejected: Any) -> None:
    logs = lf.parse(text, format="json")
    assert logs.num_rows == kept
    found = [(r["line"], r["offset"], r["text"]) for r in logs.rejected.to_pylist()]
    assert found == ([] if rejected is None else [rejected])
    assert set(logs.rejected["reason"].to_pylist()) <= {"truncated"}


@pytest.mark.parametrize("rows", [1, 2, 7, 100])
@pytest.mark.parametrize("end", ["", "]\n", '{"msg":', "]\n[\n", ']\n\n{"msg":"z"}\n'])
def test_every_line_counts_once_however_batches_are_cut(rows: int, end: str) -> None:
    text = "[\n" + "".join(f'{{"msg":"{i}"}},\n' for i in range(20)) + end
    whole = lf.parse(text, format="json", chunk_bytes=64).counts
    parts = [
        batch.counts
        for batch in lf.read_logs(text.encode(), format="json", chunk_bytes=64, batch_rows=rows)
    ]
    for counts in (whole, *parts):
        assert min(counts.values()) >= 0
    assert {key: sum(counts[key] for counts in parts) for key in whole} == whole
    assert whole["lines"] == text.count("\n") + (not text.endswith("\n"))
    said = sum(whole[key] for key in ("records", "rejected", "continuation", "blank"))
    assert said == whole["lines"]


def test_rejects_of_several_files_say_which(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "c.log.gz"):
        data = b'{"msg":"fine"}\n{"msg":\n'
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    logs = lf.read_logs(tmp_path / "*.log*", service="shop", format="json")
    names = [str(tmp_path / name) for name in ("a.log", "b.log", "c.log.gz")]
    assert logs.rejected["file"].to_pylist() == names
    assert logs.rejected["line"].to_pylist() == [2, 2, 2]
    batches = list(lf.read_logs(tmp_path / "*.log*", format="json", batch_rows=2))
    assert [f for b in batches for f in b.rejected["file"].to_pylist()] == names
    with (tmp_path / "a.log").open("rb") as stream:
        assert lf.read_logs(stream, format="json").rejected["file"].to_pylist() == names[:1]
    (tmp_path / "c.log.gz").write_bytes(gzip.compress(b'{"msg":"fine"}\n' * 99)[:-9])
    kept = lf.read_logs(tmp_path / "c.log.gz", format="json", damaged="keep")
    assert kept.rejected["file"].to_pylist() == names[2:]


@pytest.mark.parametrize(
    "compress",
    [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress],
)
def test_every_way_in_gives_the_same_records(compress, tmp_path: Path) -> None:
    half = len(LINES) // 2
    data = b"".join(
        compress(("\n".join(part) + "\n").encode()) for part in (LINES[:half], LINES[half:])
    )
    path = tmp_path / "app.log"
    path.write_bytes(data)
    wanted = [f"m{i}" for i in range(500)]
    for source in (path, str(path), str(tmp_path / "*.log"), data, io.BytesIO(data)):
        assert messages(lf.read_logs(source)) == wanted
    assert messages(lf.read_logs(LINES)) == wanted
    assert lf.read_logs(path)["source"].to_pylist()[0] == "app.log"


def test_batches_of_rows() -> None:
    batches = list(lf.read_logs(TEXT.encode(), batch_rows=120, chunk_bytes=1000))
    assert [b.num_rows for b in batches] == [120, 120, 120, 120, 20]
    assert [m for b in batches for m in messages(b)] == [f"m{i}" for i in range(500)]
    assert sum(b.counts["lines"] for b in batches) == 500


def test_arrow_pandas_polars_and_back() -> None:
    import duckdb

    batch = lf.parse(TEXT)
    for other in (batch.to_arrow(), batch.to_pandas(), batch.to_polars()):
        again = lf.LogBatch.from_arrow(other)
        assert again.to_arrow().equals(batch.to_arrow()) or messages(again) == messages(batch)
        assert again["level"].to_pylist() == batch["level"].to_pylist()
    records = table = batch.to_arrow()
    assert records is table
    assert duckdb.sql("select count(*) from records where level = 'INFO'").fetchall() == [(500,)]
    with pytest.raises(lf.ConfigError, match="unknown column"):
        lf.LogBatch.from_arrow(table.append_column("x", table["id"]))


def test_html_is_escaped() -> None:
    assert "<script>" not in lf.parse('{"msg":"<script>alert(1)</script>"}')._repr_html_()


def test_unknown_format_is_a_clear_error() -> None:
    with pytest.raises(lf.ConfigError, match="unknown format"):
        lf.parse(b"x", format="nope")


def test_empty_input() -> None:
    for data in (b"", b"\n\n", "\ufeff".encode()):
        batch = lf.parse(data)
        assert batch.num_rows == 0
        assert batch.to_arrow().num_columns == 19
        assert batch.counts["lines"] == data.count(b"\n")
