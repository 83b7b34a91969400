"""Blanks between the tokens of JSON change nothing, whatever the records before were like."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import logforest as lf

NAMES = ["msg", "message", "level", "service", "status", "duration", "ts", "user", "ip", "x", "tag"]
VALUES = [None, True, False, 0, -1, 1.5, 200, "", "a", "b\n", {}, [], {"msg": 1}, [1, "c"]]
BLANKS = ["", " ", "  ", "\t", " \t "]


def _written(value: Any, blanks: tuple[str, str, str]) -> str:
    """``value`` as JSON with these blanks before and behind colons and around commas and braces."""
    before, behind, around = blanks
    if isinstance(value, dict):
        members = f"{around},{around}".join(
            f"{json.dumps(k)}{before}:{behind}{_written(v, blanks)}" for k, v in value.items()
        )
        return "{" + around + members + around + "}"
    if isinstance(value, list):
        return "[" + f"{around},{around}".join(_written(v, blanks) for v in value) + "]"
    return json.dumps(value)


def _rows(lines: list[str]) -> list[dict[str, Any]]:
    logs = lf.parse("\n".join(lines), format="json")
    assert logs.rejected.to_pylist() == []
    assert logs.num_rows == len(lines)
    out = logs.to_arrow().to_pylist()
    for row in out:
        row["metadata"] = row["metadata"] and json.loads(row["metadata"])
        del row["id"], row["created_at"], row["timestamp"]  # perhaps of now
    return out


def test_each_value_behind_each_spelling() -> None:
    """Keys are guessed from the record before, with the blanks that it had."""
    styles = [("", "", ""), ("", " ", ""), (" ", "  ", " "), ("\t", "\t", "\t")]
    for one, other in itertools.permutations(styles, 2):
        for name in NAMES:
            records: list[Any] = [{name: "1"}, *({name: value} for value in VALUES)]
            plain = [json.dumps(r) for r in records for _ in range(2)]
            mixed = [_written(r, blanks) for r in records for blanks in (one, other)]
            assert _rows(mixed) == _rows(plain), (name, one, other)


_RECORD = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), min_size=1, max_size=5)
_BLANKS = st.tuples(*[st.sampled_from(BLANKS)] * 3)


@given(st.lists(st.tuples(_RECORD, _BLANKS), min_size=1, max_size=12))
def test_any_records_in_any_spelling(written: list[tuple[dict[str, Any], Any]]) -> None:
    assert _rows([_written(r, b) for r, b in written]) == _rows([json.dumps(r) for r, _ in written])
