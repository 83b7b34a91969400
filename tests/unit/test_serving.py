"""What a serving process does before it takes requests."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import sys
from logforest.serving import _without_pandas

_without_pandas()
import duckdb
import pyarrow as pa

pa.array(["a"])
pa.table({"a": pa.array([1, 2])}).to_pylist()
duckdb.sql("SELECT 1").to_arrow_table()
assert "pandas" not in sys.modules
assert not any(type(finder).__name__ == "_NoPandas" for finder in sys.meta_path)
import pandas  # who wants it still gets it
"""


def test_pyarrow_does_not_load_pandas_into_the_service() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
