"""The short way for plain POSTs: the same answers as the general way, whatever comes in between."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from logforest.api.plain_posts import too_slow
from logforest.testing.service import UpProcess


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    with UpProcess(tmp_path_factory.mktemp("plain") / "data") as running:
        yield running


class Client:
    """A raw connection: what is sent is exactly what is given."""

    def __init__(self, up: UpProcess) -> None:
        self.socket = socket.create_connection(("127.0.0.1", up.port), timeout=240)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def answer(self) -> tuple[int, Any]:
        while b"\r\n\r\n" not in self.pending:
            self._more()
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: (\d+)", head)
        assert found is not None
        while len(self.pending) < int(found[1]):
            self._more()
        body, self.pending = self.pending[: int(found[1])], self.pending[int(found[1]) :]
        return int(head.split()[1]), json.loads(body)

    def _more(self) -> None:
        got = self.socket.recv(65536)
        assert got, "the server closed the connection"
        self.pending += got


@pytest.fixture
def client(up: UpProcess) -> Iterator[Client]:
    opened = Client(up)
    with contextlib.closing(opened.socket):
        yield opened


def post(message: str, *headers: str) -> bytes:
    return raw(json.dumps({"message": message, "service": "plain"}).encode(), *headers)


def raw(body: bytes, *headers: str) -> bytes:
    lines = ["POST /ingest HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body


def stored(up: UpProcess, first_id: int) -> str:
    items = up.get("/api/v1/logs?service=plain&limit=10000")["items"]
    return next(str(row["message"]) for row in items if row["id"] == first_id)


def test_answered_records_are_there(up: UpProcess, client: Client) -> None:
    for i in range(3):
        client.send(post(f"one by one {i}"))
        status, answer = client.answer()
        assert (status, answer["accepted"], answer["rejected"]) == (202, 1, [])
        assert stored(up, answer["first_id"]) == f"one by one {i}"


def test_head_and_body_may_come_apart(up: UpProcess, client: Client) -> None:
    head, _, body = post("in pieces").partition(b"\r\n\r\n")
    client.send(head + b"\r\n\r\n", body[:5], body[5:])
    status, answer = client.answer()
    assert status == 202
    assert stored(up, answer["first_id"]) == "in pieces"
    client.send(head[:30], head[30:] + b"\r\n\r\n", body)  # this the general way reads
    assert client.answer()[0] == 202


def test_requests_sent_ahead_are_answered_in_order(up: UpProcess, client: Client) -> None:
    count = 1500  # more than is held: reading pauses and goes on
    sender = threading.Thread(
        target=client.send, args=(b"".join(post(f"ahead {i}") for i in range(count)),)
    )
    sender.start()
    ids = []
    for _ in range(count):
        status, answer = client.answer()
        assert status == 202
        ids.append(answer["first_id"])
    sender.join(240)
    assert not sender.is_alive()
    assert ids == sorted(ids)
    assert stored(up, ids[0]) == "ahead 0"
    assert stored(up, ids[-1]) == f"ahead {count - 1}"


def test_any_other_request_on_the_same_connection(up: UpProcess, client: Client) -> None:
    client.send(post("first") + b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert client.answer()[0] == 202
    assert client.answer()[0] == 200
    client.send(post("with a key", "Idempotency-Key: plain-1"))
    first = client.answer()
    client.send(post("with a key", "Idempotency-Key: plain-1"))
    assert client.answer() == first
    client.send(post("plain again"))
    assert client.answer()[0] == 202


def test_bad_records_are_named(client: Client) -> None:
    client.send(raw(b'{"message": "good"}\n{"message": \n'))
    status, answer = client.answer()
    assert (status, answer["accepted"]) == (202, 1)
    assert [r["line"] for r in answer["rejected"]] == [2]
    client.send(raw(b"{"))
    status, answer = client.answer()
    assert (status, answer["accepted"], answer["first_id"]) == (202, 0, None)


def test_many_at_once_share_commits(up: UpProcess) -> None:
    senders, each = 32, 20
    before = up.get("/queue/status")["details"]
    ids: list[int] = []

    def work(n: int) -> None:
        opened = Client(up)
        with contextlib.closing(opened.socket):
            for i in range(each):
                opened.send(post(f"many {n} {i}"))
                status, answer = opened.answer()
                assert status == 202
                ids.append(answer["first_id"])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert len(set(ids)) == senders * each
    after = up.get("/queue/status")["details"]
    assert after["records"] - before["records"] == senders * each
    assert after["groups"] - before["groups"] < senders * each


def test_metrics_count_both_ways(tmp_path: Path) -> None:
    with UpProcess(tmp_path / "data") as up:
        opened = Client(up)
        with contextlib.closing(opened.socket):
            opened.send(post("counted"))
            assert opened.answer()[0] == 202
        assert up.request("POST", "/ingest?format=json", b'{"message": "counted"}')[0] == 202
        status, text = up.request("GET", "/metrics")
        assert status == 200
        lines = text.decode().splitlines()
        assert "logforest_records_accepted_total 2.0" in lines
        assert "logforest_ingest_seconds_count 2.0" in lines
        assert 'logforest_ingest_seconds_bucket{le="+Inf"} 2.0' in lines
        assert 'logforest_http_requests_total{status="202"} 2.0' in lines
        # SIGTERM while a connection is open and idle: it is closed, and the process ends well.
        idle = Client(up)
        with contextlib.closing(idle.socket):
            idle.send(post("idle"))
            assert idle.answer()[0] == 202
            assert up.stop() == 0


def test_an_endless_head_is_cut_off(client: Client) -> None:
    with contextlib.suppress(ConnectionError):  # the answer may be lost with what was not read
        client.send(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(100):
            client.send(b"X: " + b"a" * 40_000 + b"\r\n")
        status, problem = client.answer()
        assert (status, problem["status"]) == (431, 431)


def test_long_heads_and_bodies_in_a_row_are_no_endless_head(up: UpProcess, client: Client) -> None:
    head = b"POST /ingest?service=plain HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 30_000
    body = b"level=info msg=" + b"b" * 200_000
    one = head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for cut in (10, 20_000, len(one) - 5):
        client.send((one + one)[:cut], (one + one)[cut:])
        assert [client.answer()[0] for _ in range(2)] == [202, 202]


def test_what_is_no_request_gets_a_problem(client: Client) -> None:
    client.send(b"\x16\x03\x01 hello\r\n\r\n")
    status, problem = client.answer()
    assert status == problem["status"] == 400
    assert problem["title"] == "Bad Request"


BEGUN = (
    b"",
    b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Le",
    b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhel",
    b"GET /health/li",
    b"POST /data/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhel",
)


def test_clients_that_stop_in_a_request_are_let_go(impatient: UpProcess) -> None:
    with contextlib.ExitStack() as stack:
        clients = [Client(impatient) for _ in BEGUN]
        for client, begun in zip(clients, BEGUN, strict=True):
            stack.enter_context(contextlib.closing(client.socket))
            client.send(begun)
        for client, begun in zip(clients, BEGUN, strict=True):
            if begun:
                status, problem = client.answer()
                assert status == problem["status"] == 408
            with contextlib.suppress(ConnectionError):
                assert client.socket.recv(100) == b""


@pytest.mark.parametrize(
    "head",
    [
        b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
        b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
        b"POST /data/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_bodies_that_trickle_are_cut_off(impatient: UpProcess, head: bytes) -> None:
    """A byte at a time is never silent."""
    client = Client(impatient)
    with contextlib.closing(client.socket), contextlib.suppress(ConnectionError):
        client.send(head)
        client.socket.settimeout(0.01)
        piece = b"1\r\n \r\n" if b"chunked" in head else b" "
        while True:
            client.send(piece)
            with contextlib.suppress(TimeoutError):
                if got := client.socket.recv(4096):
                    client.pending += got
                    break
        client.socket.settimeout(60)
        status, problem = client.answer()
        assert status == problem["status"] == 408


def test_a_slow_body_that_comes_at_a_fair_rate_is_taken() -> None:
    assert not too_slow(59.9, 0, 60)
    assert too_slow(60, 0, 60)
    assert too_slow(600, 600, 60)  # a byte a second
    assert not too_slow(600, 600 * 1000, 60)  # a kilobyte a second


def test_silence_between_requests_and_of_listeners_is_no_fault(impatient: UpProcess) -> None:
    with connect(f"ws://127.0.0.1:{impatient.port}/ws", open_timeout=240) as listener:
        waiting = Client(impatient)  # ends when its silence has lasted longer than allowed
        with contextlib.closing(waiting.socket):
            assert waiting.socket.recv(100) == b""
        assert impatient.request("POST", "/ingest", b'{"msg": "still here"}')[0] == 202
        assert "still here" in str(listener.recv(timeout=240))


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    folder = tmp_path_factory.mktemp("impatient") / "data"
    with UpProcess(folder, env={"LOGFOREST_REQUEST_SECONDS": "3"}) as running:
        yield running
