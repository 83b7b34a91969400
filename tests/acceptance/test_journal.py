"""Records posted one by one go through the journal: kills, keys, readers and a full disk."""

from __future__ import annotations

import collections
import contextlib
import http.client
import json
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.small_disk import small_file_system

import logforest as lf
from logforest.testing.service import UpProcess

SENDERS = 16


def body_of(number: int) -> bytes:
    return b'{"level":"info","service":"s%d","message":"number %d"}' % (number % 5, number)


class Sender(threading.Thread):
    """Posts one record after the other until it is cut off or told to stop."""

    def __init__(self, up: UpProcess, first: int, stop: threading.Event) -> None:
        super().__init__()
        self.up = up
        self.stop = stop
        self.next = first
        self.acknowledged: dict[int, int] = {}  # number -> id
        self.unseen: list[int] = []

    def run(self) -> None:
        with contextlib.closing(self.up.connect(timeout=60)) as connection:
            while not self.stop.is_set():
                number = self.next
                self.next += 1
                try:
                    connection.request(
                        "POST", "/ingest", body_of(number), {"Content-Type": "application/json"}
                    )
                    with connection.getresponse() as answer:
                        got = json.loads(answer.read())
                    if answer.status == 202:
                        self.acknowledged[number] = got["first_id"]
                        self.after(connection, number, got["first_id"])
                except (OSError, http.client.HTTPException, ValueError):
                    return

    def after(self, connection: http.client.HTTPConnection, number: int, log_id: int) -> None:
        """Called after each answer."""


class Reader(Sender):
    """Asks for each record as soon as it is acknowledged."""

    def after(self, connection: http.client.HTTPConnection, number: int, log_id: int) -> None:
        connection.request("GET", f"/api/v1/logs/{log_id}")
        with connection.getresponse() as answer:
            row = json.loads(answer.read())
        if answer.status != 200 or row["message"] != f"number {number}":
            self.unseen.append(number)


def numbers_stored(data: Path) -> dict[int, int]:
    """Number -> id; every record is there once and counted once."""
    with lf.open(data / "logs.duckdb") as store:
        rows = store.sql("SELECT message, id FROM logs").to_pylist()
        windows = store.sql("SELECT sum(count)::BIGINT AS n FROM windows")["n"][0].as_py()
    found = collections.Counter(row["message"] for row in rows)
    assert not found or max(found.values()) == 1
    assert (windows or 0) == len(rows) == len({row["id"] for row in rows})
    return {int(row["message"].removeprefix("number ")): row["id"] for row in rows}


@pytest.mark.slow
def test_kills_lose_no_single_record(tmp_path: Path) -> None:
    rng = random.Random(20261122)
    data = tmp_path / "data"
    acknowledged: dict[int, int] = {}
    for kill in range(12):
        with UpProcess(data) as up:
            stop = threading.Event()
            senders = [Sender(up, (kill * SENDERS + i) << 24, stop) for i in range(SENDERS)]
            for sender in senders:
                sender.start()
            threading.Event().wait(rng.uniform(0.02, 0.5))  # the random moment
            up.kill()
            stop.set()
            for sender in senders:
                sender.join()
                acknowledged.update(sender.acknowledged)
        if kill % 3 == 2:
            found = numbers_stored(data)
            assert {n: found.get(n) for n in acknowledged} == acknowledged
    assert len(acknowledged) > 100


@pytest.mark.slow
def test_whoever_was_answered_sees_it(tmp_path: Path) -> None:
    with UpProcess(tmp_path / "data") as up:
        stop = threading.Event()
        senders = [Sender(up, i << 24, stop) for i in range(8)]
        readers = [Reader(up, (100 + i) << 24, stop) for i in range(4)]
        for sender in [*senders, *readers]:
            sender.start()
        up.wait_for(lambda: all(len(r.acknowledged) >= 50 for r in readers))
        stop.set()
        for sender in [*senders, *readers]:
            sender.join()
        total = sum(len(s.acknowledged) for s in [*senders, *readers])
        assert up.get("/api/v1/logs?limit=1")["total"] == total
        assert [r.unseen for r in readers] == [[]] * 4
        up.wait_for(lambda: up.get("/queue/status")["lag"] == 0)
        assert up.stop() == 0
    assert list((tmp_path / "data").glob("*.journal.*")) == []
    assert len(numbers_stored(tmp_path / "data")) == total


@pytest.mark.slow
def test_keys_and_ids_across_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    answers: dict[int, tuple[int, object]] = {}
    for _ in range(3):
        with UpProcess(data) as up:
            for number in range(12):
                key = {"Idempotency_Key": f"key {number}"} if number % 3 == 0 else {}
                if number in answers and not key:
                    continue
                status, body = up.request("POST", "/ingest", body_of(number), **key)
                answer = (status, json.loads(body))
                assert status == 202
                assert answers.setdefault(number, answer) == answer
            assert up.request("POST", "/ingest", b"else", Idempotency_Key="key 0")[0] == 422
            up.kill()
    assert numbers_stored(data) == {n: n + 1 for n in range(12)}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path / "disk", megabytes=48) as folder:
        yield folder


@pytest.mark.slow
def test_a_disk_that_somebody_else_fills(small_disk: Path) -> None:
    data = small_disk / "data"
    acknowledged = 0
    with UpProcess(data) as up:
        for number in range(50):
            assert up.request("POST", "/ingest", body_of(number))[0] == 202
        acknowledged = 50
        assert up.get("/api/v1/logs?limit=1")["total"] == acknowledged  # in the tables by now
        other = small_disk / "other"
        with other.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(os.urandom(1 << 16))
        refused: list[tuple[int, bytes]] = []
        for number in range(50, 200_000):
            status, answer = up.request("POST", "/ingest", body_of(number) + b"\n" * 30_000)
            if status == 202:
                acknowledged += 1
            else:
                refused.append((status, answer))
                if len(refused) == 3:
                    break
        assert [status for status, _ in refused] == [507] * 3, refused
        assert b"disk is full" in refused[0][1]
        assert up.get("/api/v1/logs?limit=1")["total"] == acknowledged
        other.unlink()
        assert up.request("POST", "/ingest", body_of(1_000_000))[0] == 202
        # The last answer took long: it is given again for three times as long.
        up.wait_for(lambda: up.get("/api/v1/logs?limit=1")["total"] == acknowledged + 1)
        up.kill()
    assert len(numbers_stored(data)) == acknowledged + 1
