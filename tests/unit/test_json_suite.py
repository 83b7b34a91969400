"""JSONTestSuite: y_ texts are values, n_ texts never are, i_ texts as Python's json has it.

Python is asked with text, not bytes: a record is UTF-8 throughout, so UTF-16 and byte order marks
inside a record are refused (a whole file in UTF-16, or with a mark, is read).
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import logforest as lf

SUITE = Path(__file__).parents[3] / "shared/data/json/JSONTestSuite"
pytestmark = pytest.mark.skipif(not SUITE.exists(), reason="needs ../shared/data")


def texts(kind: str) -> list[Path]:
    return sorted(SUITE.glob(f"{kind}_*.json")) if SUITE.exists() else []


def one_line(text: bytes) -> bytes:
    """JSON may hold line ends between tokens; a record in a line may not."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")


def as_value(text: bytes) -> lf.LogBatch:
    line = b'{"msg":"before"}\n{"msg":"here","v":' + one_line(text) + b'}\n{"msg":"after"}\n'
    batch = lf.parse(line, format="json")
    messages = batch["message"].to_pylist()
    assert (messages[0], messages[-1]) == ("before", "after"), "a neighbour was lost"
    assert batch.num_rows + batch.rejected.num_rows == 3
    return batch


def same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return a == b


@pytest.mark.parametrize("path", texts("y"), ids=lambda p: p.stem)
def test_valid_texts_are_kept_as_they_are(path: Path) -> None:
    text = path.read_bytes()
    batch = as_value(text)
    assert batch.num_rows == 3, batch.rejected.to_pylist()
    kept = json.loads(batch["metadata"][1].as_py())["v"]
    assert same(kept, json.loads(one_line(text)))


@pytest.mark.parametrize("path", texts("n"), ids=lambda p: p.stem)
def test_invalid_texts_are_never_records(path: Path) -> None:
    text = path.read_bytes()
    assert lf.parse(text, format="json").num_rows == 0
    if b"\n" not in text.strip():  # with its line ends replaced it may become valid
        assert as_value(text).num_rows == 2


@pytest.mark.parametrize("path", texts("i"), ids=lambda p: p.stem)
def test_implementation_defined_texts_agree_with_python(path: Path) -> None:
    text = path.read_bytes()
    try:
        json.loads(text.decode())
        accepted = True
    except (ValueError, RecursionError):
        accepted = False
    assert (as_value(text).num_rows == 3) is accepted
