"""Records as plain dictionaries, to compare."""

from __future__ import annotations

import json
from typing import Any

import logforest as lf


def rows(logs: lf.LogBatch) -> list[dict[str, Any]]:
    """Metadata decoded, times as text."""
    out = logs.to_arrow().to_pylist()
    for row in out:
        row["metadata"] = json.loads(row["metadata"] or "{}")
        row["timestamp"] = row["timestamp"].isoformat()
    return out
