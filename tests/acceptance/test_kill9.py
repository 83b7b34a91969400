"""SIGKILL at random moments under load: what was acknowledged is there, once, at once.

The oracle is a journal on the test's side: a record is written to it before it is sent, and what
the server answered afterwards. Records carry a number of their own in the message.
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import json
import random
import threading
import time
from pathlib import Path

import pytest

import logforest as lf
from logforest.testing.service import UpProcess

KILLS = 50
_SENDERS = 4


class Journal:
    """What was sent and what was acknowledged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self.sent: set[int] = set()
        self.acknowledged: set[int] = set()

    def take(self, n: int) -> list[int]:
        with self._lock:
            numbers = list(range(self._next, self._next + n))
            self._next += n
            self.sent.update(numbers)
            return numbers

    def acknowledge(self, numbers: list[int]) -> None:
        with self._lock:
            self.acknowledged.update(numbers)


def body_of(numbers: list[int]) -> bytes:
    return b"".join(
        b'{"level":"info","service":"s%d","message":"number %d","duration_ms":%d}\n'
        % (n % 5, n, n % 100)
        for n in numbers
    )


def send(up: UpProcess, journal: Journal, stop: threading.Event, seed: int) -> None:
    """Posts bodies of 1 to 2000 records; every other one with a key, sent again when cut off."""
    rng = random.Random(seed)
    with contextlib.closing(up.connect()) as connection:
        while not stop.is_set():
            numbers = journal.take(rng.choice([1, 1, 7, 300, 2000]))
            try:
                connection.request("POST", "/ingest", body_of(numbers))
                with connection.getresponse() as answer:
                    got = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError):
                return  # cut off: the record may or may not be there
            if answer.status == 202:
                assert got["accepted"] == len(numbers)
                assert got["rejected"] == []
                journal.acknowledge(numbers)


def stored_numbers(data: Path) -> collections.Counter[int]:
    with lf.open(data / "logs.duckdb") as store:
        messages = store.sql("SELECT message FROM logs")["message"].to_pylist()
        windows = store.sql("SELECT sum(count)::BIGINT AS n FROM windows")["n"][0].as_py()
        ids = store.sql("SELECT count(DISTINCT id) AS n FROM logs")["n"][0].as_py()
    assert (windows or 0) == len(messages) == ids
    return collections.Counter(int(m.removeprefix("number ")) for m in messages)


@pytest.mark.slow
def test_acknowledged_records_survive_sigkill(tmp_path: Path) -> None:
    rng = random.Random(20261121)
    data = tmp_path / "data"
    journal = Journal()
    opened: list[float] = []
    for kill in range(KILLS):
        started = time.monotonic()
        with UpProcess(data) as up:
            opened.append(time.monotonic() - started)
            status, answer = up.request("POST", "/ingest", body_of(numbers := journal.take(1)))
            assert status == 202, answer  # a new record passes after every restart
            journal.acknowledge(numbers)
            stop = threading.Event()
            senders = [
                threading.Thread(target=send, args=(up, journal, stop, kill * _SENDERS + i))
                for i in range(_SENDERS)
            ]
            for sender in senders:
                sender.start()
            threading.Event().wait(rng.uniform(0.02, 0.6))  # the random moment
            up.kill()
            stop.set()
            for sender in senders:
                sender.join()
        if kill % 10 == 9:
            check(data, journal)
    check(data, journal)
    print(
        f"\n{KILLS} kills: {len(journal.acknowledged)} records acknowledged, all there once; "
        f"ready again after {max(opened):.1f} s at most"
    )


def check(data: Path, journal: Journal) -> None:
    stored = stored_numbers(data)
    assert max(stored.values()) == 1
    assert journal.acknowledged - stored.keys() == set()
    assert stored.keys() - journal.sent == set()


@pytest.mark.slow
def test_a_key_is_stored_once_across_kills(tmp_path: Path) -> None:
    """A client that sends the same body with the same key until it is answered."""
    rng = random.Random(7)
    data = tmp_path / "data"
    numbers = list(range(500))
    answers: list[dict[str, object]] = []
    for attempt in range(8):
        with UpProcess(data) as up:
            killer = threading.Timer(rng.uniform(0.0, 0.05), up.kill)
            if attempt < 5:
                killer.start()
            try:
                status, got = up.request(
                    "POST", "/ingest", body_of(numbers), Idempotency_Key="the one"
                )
            except (OSError, http.client.HTTPException):
                killer.join()
                continue
            assert status == 202
            answers.append(json.loads(got))
            killer.cancel()
    assert len(answers) >= 3
    assert all(answer == answers[0] for answer in answers)
    assert stored_numbers(data) == collections.Counter(numbers)


@pytest.mark.slow
def test_records_not_yet_scored_are_scored_after_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with UpProcess(data) as up:
        for _ in range(10):
            up.request("POST", "/ingest", body_of(list(range(3000))))
        up.kill()
    with lf.open(data / "logs.duckdb") as store:
        assert store.detected_id() <= 30_000
        assert store.next_id() == 30_001
    with UpProcess(data) as up:
        up.wait_for(lambda: up.get("/queue/status")["lag"] == 0)
        assert up.stop() == 0
    with lf.open(data / "logs.duckdb") as store:
        assert store.detected_id() == 30_000
