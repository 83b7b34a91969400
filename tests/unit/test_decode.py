"""What the detect worker parses gives the same findings as what the store worker stores."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from logforest import ConfigError, _core
from logforest.batch import LogBatch
from logforest.detection import Detector

START_MS = 1_767_571_200_000


def incident() -> bytes:
    """Forty minutes of two services; one of them fails for three, with mail addresses in it."""
    rng = np.random.default_rng(5)
    lines = []
    for minute in range(40):
        for service in ("api", "web"):
            bad = service == "api" and 30 <= minute < 33
            for k in range(120 if bad else 60):
                record = {
                    "timestamp": START_MS + minute * 60_000 + k * 400,
                    "service": service,
                    "level": "error" if bad and k % 2 else "info",
                    "message": f"order {k} of user{k}@example.org " + ("failed" if bad else "done"),
                    "endpoint": f"/orders/{k}",
                    "status_code": 500 if bad else 200,
                    "response_time": float(rng.lognormal(8 if bad else 3, 0.3)),
                    "user_id": f"u{k}",
                    "ip_address": f"10.0.0.{k}",
                    "region": {"name": "eu", "password": "hunter2"},
                }
                lines.append(json.dumps(record))
    return "\n".join(lines).encode()


def ingested(form: str) -> LogBatch:
    core, _ = _core.ingest([(incident(), "json", "t", "", "", 1)], 1, form)
    _core.number_records(core, [1], [core.num_rows])
    return LogBatch._from_core(core)


def test_scored_form_is_the_stored_one_without_metadata_and_category() -> None:
    stored, scored = pa.table(ingested("stored")._core), pa.table(ingested("scored")._core)
    for name in stored.column_names:
        if name in ("metadata", "category"):
            assert scored[name].null_count == stored.num_rows > stored[name].null_count
        elif name != "created_at":
            assert scored[name].to_pylist() == stored[name].to_pylist(), name
    assert "<EMAIL>" in scored["message"][0].as_py()


def test_scored_form_gives_the_same_findings() -> None:
    found = {}
    for form in ("stored", "scored"):
        logs, detector = ingested(form), Detector(every="1m")
        table = pa.concat_tables([detector.process(logs), detector.flush()])
        found[form] = table.drop_columns(
            [n for n in table.column_names if n == "detected_at"]
        ).to_pylist()
    assert found["stored"]
    assert found["scored"] == found["stored"]


def test_unknown_forms_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown form 'other'"):
        _core.ingest([], 1, "other")
