"""Hostile input in a process of its own: bounded memory, a clear reason, the neighbours intact.

Each case runs in a subprocess that reports its peak resident set.
"""

from __future__ import annotations

import bz2
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import json, resource, sys
import logforest as lf

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path = sys.argv[1]
out = {"records": 0, "reasons": [], "error": None, "messages": []}
try:
    # Batches that nobody keeps: what is measured is the reader.
    for batch in lf.read_logs(path, format="json", batch_rows=1000):
        out["records"] += batch.num_rows
        out["reasons"] += batch.rejected["reason"].to_pylist()
        out["messages"] += [m[:20] for m in batch["message"].to_pylist()[:3]]
except lf.LogforestError as error:
    out["error"] = str(error)
out["rss_mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps(out))
"""

FIRST = b'{"msg": "first"}\n'
LAST = b'{"msg": "last"}\n'


def read(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_line_of_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    block = b"x" * (1 << 24)
    with path.open("wb") as file:
        file.write(FIRST + b'{"msg": "')
        for _ in range(64):
            file.write(block)
        file.write(b'"}\n' + LAST)
    result = read(path)
    assert result["reasons"] == ["line_too_long"]
    assert result["messages"] == ["first", "last"]
    assert result["rss_mb"] < 300


def test_deep_nesting(tmp_path: Path) -> None:
    path = tmp_path / "deep.log"
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    path.write_bytes(FIRST + deep + b"\n" + b"[" * 200_000 + b"\n" + LAST)
    result = read(path)
    assert result["reasons"] == ["too_deep", "too_deep"]
    assert result["messages"] == ["first", "last"]
    assert result["rss_mb"] < 200


def test_a_million_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    keys = b",".join(b'"k%d":1' % i for i in range(1_000_000))
    short = b",".join(b'"k%d":1' % i for i in range(5_000))
    path.write_bytes(FIRST + b"{" + keys + b"}\n{" + short + b"}\n" + LAST)
    result = read(path)
    assert result["reasons"] == ["line_too_long", "too_many_fields"]
    assert result["messages"] == ["first", "last"]
    assert result["rss_mb"] < 200


@pytest.mark.parametrize("kind", ["gz", "bz2"])
def test_decompression_bomb(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"bomb.log.{kind}"
    block = b"\0" * (1 << 24)
    opener = gzip.open if kind == "gz" else bz2.open
    with opener(path, "wb", compresslevel=9) as file:
        file.write(FIRST)
        for _ in range(40):
            file.write(block)
    assert path.stat().st_size < 2_000_000
    result = read(path)
    assert result["error"] is not None
    assert "ratio" in result["error"] or "times" in result["error"]
    assert result["rss_mb"] < 300


def test_every_kind_of_bad_line_leaves_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "bad.log"
    bad = [b"\x00" * 50, b"\xff\xfe{}", b'{"a"', b'{"a": 1e}', b"[1, 2]", b'"text"', b"{]", b"}{"]
    path.write_bytes(b"".join(FIRST + line + b"\n" for line in bad) + LAST)
    result = read(path)
    assert result["error"] is None
    assert result["records"] == len(bad) + 1
    assert len(result["reasons"]) == len(bad)
