"""Live records over a real WebSocket: filters, refusals, slow clients."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from logforest.testing.service import UpProcess

SECONDS = 240


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    with UpProcess(tmp_path_factory.mktemp("ws") / "data") as running:
        yield running
        assert running.stop() == 0
        assert "Traceback" not in running.output


@contextmanager
def open_socket(up: UpProcess, path: str, **options: Any) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{up.port}{path}", open_timeout=SECONDS, **options) as client:
        client.send("{}")  # the answer says that the subscription stands
        assert receive(client)["topic"] == "subscribed"
        yield client


def receive(client: ClientConnection) -> dict[str, Any]:
    """The next frame that is not a heartbeat."""
    while True:
        frame: dict[str, Any] = json.loads(client.recv(SECONDS))
        if frame["topic"] != "heartbeat":
            return frame


def post(up: UpProcess, *records: dict[str, object]) -> int:
    body = "\n".join(json.dumps(record) for record in records).encode()
    status, answer = up.request("POST", "/ingest", body, Content_Type="application/x-ndjson")
    assert status == 202, answer
    return int(json.loads(answer)["first_id"])


def subscribe(client: ClientConnection, **wanted: object) -> None:
    client.send(json.dumps(wanted))
    assert receive(client)["topic"] == "subscribed"


RECORDS: tuple[dict[str, object], ...] = (
    {"level": "error", "service": "pay", "message": "card Refused"},
    {"level": "info", "service": "pay", "message": "card taken"},
    {"level": "error", "service": "mail", "message": "no route"},
    {"level": "critical", "message": "refused by nobody"},
    {"level": "critical", "service": "end", "message": "the refused card ends it"},
)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"level": ["ERROR", "crit"]}, [0, 2, 3, 4]),
        ({"level": "error,critical"}, [0, 2, 3, 4]),
        ({"service": ["pay", "end"]}, [0, 1, 4]),
        ({"q": "REFUSED"}, [0, 3, 4]),
        ({"q": "card", "service": ["pay", "end"], "level": ["ERROR", "CRITICAL"]}, [0, 4]),
        ({"subscribe": ["logs"], "service": "end"}, [4]),
        ({"action": "subscribe", "topics": ["logs"], "filters": {"service": ["end"]}}, [4]),
        ({"type": "subscribe", "topic": "new_logs", "level": "ERROR", "q": "card"}, [0]),
    ],
)
@pytest.mark.parametrize("path", ["/ws/logs", "/api/v1/ws/logs"])
def test_filters(up: UpProcess, path: str, wanted: dict[str, object], shown: list[int]) -> None:
    with open_socket(up, path) as client:
        subscribe(client, **wanted)
        first = post(up, *RECORDS)
        for i in shown:
            frame = receive(client)
            assert frame["topic"] == "new_logs"
            assert frame["payload"]["id"] == first + i
            assert frame["payload"]["message"] == RECORDS[i]["message"]


def test_a_frame_is_the_stored_record(up: UpProcess) -> None:
    with open_socket(up, "/ws") as client:
        first = post(up, {"level": "warn", "service": "a", "message": '€ \x00 "q"', "x": {"y": 1}})
        assert receive(client)["payload"] == up.get(f"/logs/{first}")


def test_filters_in_the_address(up: UpProcess) -> None:
    address = f"ws://127.0.0.1:{up.port}/ws/logs?level=error&level=CRITICAL&service=address"
    with connect(address, open_timeout=SECONDS) as client:
        wanted = {"service": "address", "level": "error", "message": "m"}
        up.wait_for(lambda: post(up, *RECORDS, wanted) and _arrived(client))


def _arrived(client: ClientConnection) -> bool:
    try:
        frame = json.loads(client.recv(0.2))
    except TimeoutError:
        return False
    assert frame["topic"] == "new_logs"
    assert frame["payload"]["service"] == "address"
    return True


def test_a_later_message_replaces_the_filters(up: UpProcess) -> None:
    with open_socket(up, "/ws/logs") as client:
        subscribe(client, service=["pay"], q="card")
        subscribe(client, service=["end"])
        first = post(up, *RECORDS)
        assert receive(client)["payload"]["id"] == first + 4


def test_topics(up: UpProcess) -> None:
    with open_socket(up, "/ws") as client:
        client.send('{"subscribe": ["anomalies", "alerts"]}')
        assert receive(client)["payload"] == {"topics": ["alerts", "anomalies"]}
        post(up, *RECORDS)  # not shown
        subscribe(client, subscribe=["new_logs"], service=["topics"])
        first = post(up, {"service": "topics", "message": "shown"})
        assert receive(client)["payload"]["id"] == first


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("x", "JSON"),
        ("[]", "subscribe"),
        ('{"level": "loud"}', "'loud' is none of DEBUG"),
        ('{"level": [1]}', "texts"),
        ('{"levels": ["ERROR"]}', "no filter 'levels'"),
        ('{"filters": {"nope": 1}}', "no filter 'nope'"),
        ('{"filters": 1}', "filters must be an object"),
        ('{"action": "unsubscribe"}', "no filter 'action'"),
        ('{"service": {"a": 1}}', "texts"),
        ('{"subscribe": ["news"]}', "'news' is none of new_logs"),
        ("[" * 10_000, "depth"),
        ("x" * 20_000, "too long"),
        (b"\x00\xff", "text"),
    ],
)
def test_odd_messages_are_answered(up: UpProcess, message: str | bytes, said: str) -> None:
    with open_socket(up, "/ws/logs") as client:
        client.send(message)
        frame = receive(client)
        assert frame["topic"] == "error"
        assert said in frame["payload"]["detail"]
        subscribe(client, q="(%_[\\\x00")  # goes on, and takes a search as text
        subscribe(client, service="odd")
        first = post(up, {"service": "odd", "message": "m"})
        assert receive(client)["payload"]["id"] == first


@pytest.mark.parametrize("query", ["level=loud", "subscribe=news"])
def test_a_bad_address_is_told_why(up: UpProcess, query: str) -> None:
    with connect(f"ws://127.0.0.1:{up.port}/ws/logs?{query}", open_timeout=SECONDS) as client:
        frame = receive(client)
        assert frame["topic"] == "error"
        assert "is none of" in frame["payload"]["detail"]
        with pytest.raises(ConnectionClosed):
            client.recv(SECONDS)


def test_pages_of_other_sites_are_refused(up: UpProcess) -> None:
    address = f"ws://127.0.0.1:{up.port}/ws/logs"
    with pytest.raises(InvalidStatus), connect(address, origin="http://evil.example"):  # type: ignore[arg-type]
        pass
    with connect(address, origin=up.url, open_timeout=SECONDS) as client:  # type: ignore[arg-type]
        client.send("{}")
        assert receive(client)["topic"] == "subscribed"


def drained(client: ClientConnection, last: int) -> tuple[list[int], int]:
    """Ids until record ``last`` has come, and how many were told to be lost."""
    ids: list[int] = []
    lost = 0
    while not ids or ids[-1] != last:
        frame = receive(client)
        if frame["topic"] == "gap":
            lost += frame["payload"]["dropped"]
        else:
            ids.append(frame["payload"]["id"])
    return ids, lost


def test_a_flood_shows_the_newest_and_counts_the_rest(up: UpProcess) -> None:
    with open_socket(up, "/ws/logs") as client:
        subscribe(client, service=["flood"])
        first = post(up, *({"service": "flood", "message": f"m{i}"} for i in range(2500)))
        ids, lost = drained(client, first + 2499)
        assert lost > 0
        assert len(ids) + lost == 2500
        assert ids == list(range(first + lost, first + 2500))


def test_a_client_gets_no_more_than_it_wants(up: UpProcess) -> None:
    with open_socket(up, "/ws/logs") as client:
        subscribe(client, service=["little"], rate=20)
        first = post(up, *({"service": "little", "message": f"m{i}"} for i in range(50)))
        ids, lost = drained(client, first + 49)
        assert (ids, lost) == ([first + 48, first + 49], 48)
        client.send('{"subscribe": ["new_logs"], "rate": 0}')
        assert "rate" in receive(client)["payload"]["detail"]


def test_a_slow_client_loses_the_oldest_and_harms_nobody(up: UpProcess) -> None:
    """Nothing is read until all is stored; socket buffers hold far less than is sent."""
    text = "x" * 100_000
    posts, each = 8, 30
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # the kernel's may hold it all
    narrow.connect(("127.0.0.1", up.port))
    with (
        open_socket(up, "/ws/logs", max_queue=1, sock=narrow, ping_interval=None) as slow,
        open_socket(up, "/ws/logs") as other,
    ):
        subscribe(slow, service=["slow"])
        subscribe(other, service=["other"])
        for i in range(posts):
            post(up, *({"service": "slow", "message": f"{i}.{j} {text}"} for j in range(each)))
            mark = post(up, {"service": "other", "message": "next"})
            assert receive(other)["payload"]["id"] == mark  # shown while the slow one hangs
        for i in range(8):
            post(up, *({"service": "slow", "message": f"short {i}.{j}"} for j in range(200)))
        last = post(up, {"service": "slow", "message": "end"})
        ids, lost = drained(slow, last)
        assert ids == sorted(set(ids))
        assert lost > 0
        assert len(ids) + lost == posts * each + 8 * 200 + 1
        total = posts * each + 8 * 200 + 1
        up.wait_for(lambda: up.get("/logs/stats")["by_service"].get("slow") == total)


def test_clients_that_go_away_are_forgotten(up: UpProcess, tmp_path: Path) -> None:
    assert up.process is not None
    handles = Path(f"/proc/{up.process.pid}/fd")
    before = len(list(handles.iterdir()))
    for _ in range(20):
        with open_socket(up, "/ws/logs") as client:
            client.socket.shutdown(socket.SHUT_RDWR)  # no farewell
    post(up, *RECORDS)
    up.wait_for(lambda: len(list(handles.iterdir())) <= before + 2, timeout=SECONDS)
