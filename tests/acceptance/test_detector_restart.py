"""A service that is stopped or killed and started again finds what one that never stopped finds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import logforest as lf
from logforest import demo
from logforest.demo.post import bodies
from logforest.testing.service import UpProcess

RECORDS = 60_000
STOPS = 12


def parts() -> list[bytes]:
    text, _ = demo.generate(RECORDS, hours=5, seed=11)
    return list(bodies([text], size=200_000))


def post(up: UpProcess, body: bytes) -> None:
    status, answer = up.request("POST", "/ingest", body, Content_Type="application/x-ndjson")
    assert status == 202, answer


def wait_until_scored(up: UpProcess) -> None:
    up.wait_for(lambda: up.get("/queue/status")["lag"] == 0)


def found(data: Path) -> list[tuple[int, str]]:
    with lf.open(data / "logs.duckdb") as store:
        assert store.detected_id() == store.next_id() - 1 == RECORDS
        rows = store.anomalies(limit=None).select(["log_id", "kind"]).to_pylist()
    return sorted((row["log_id"], row["kind"]) for row in rows)


@pytest.mark.slow
def test_restarts_and_kills_change_no_anomaly(tmp_path: Path) -> None:
    with UpProcess(tmp_path / "whole") as up:
        for body in parts():
            post(up, body)
        wait_until_scored(up)
        assert up.stop() == 0
    expected = found(tmp_path / "whole")
    assert len(expected) > 10

    rng = random.Random(5)
    data = tmp_path / "stopped"
    waiting = parts()
    stops = set(rng.sample(range(1, len(waiting)), STOPS))
    up = UpProcess(data).start()
    ways = []
    try:
        for number, body in enumerate(waiting):
            if number in stops:
                way = rng.choice(["stop", "kill", "kill when scored"])
                ways.append(way)
                if way == "stop":
                    assert up.stop() == 0
                else:
                    if way == "kill when scored":
                        wait_until_scored(up)
                    up.kill()
                up = UpProcess(data).start()
            post(up, body)
        wait_until_scored(up)
        assert up.stop() == 0
        assert "not used" not in up.output
    finally:
        up.kill()
    assert set(ways) == {"stop", "kill", "kill when scored"}
    assert found(data) == expected
