"""The demo without an end, against a clock of the test's own."""

from __future__ import annotations

import itertools
import json
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import logforest as lf
from logforest import demo
from logforest.demo.live import STAGE_MINUTES, Live
from logforest.demo.post import post_ndjson

NOW = 1_780_000_030.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        assert 0 < seconds <= 1
        assert len(self.waits) < 100_000
        self.waits.append(seconds)
        self.now += seconds


def live(clock: Clock, **options: object) -> Live:
    return Live(clock=lambda: clock.now, wait=clock.wait, **options)  # type: ignore[arg-type]


def stamps(block: bytes) -> list[float]:
    return [
        datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
        for line in block.splitlines()
    ]


def test_every_record_comes_when_its_time_has_come() -> None:
    clock = Clock()
    traffic = live(clock, hours=1, density=300)
    given = 0
    last = 0.0
    for number, block in enumerate(traffic.blocks()):
        times = stamps(block)
        assert times == sorted(times)
        assert last <= times[0]
        assert times[-1] <= clock.now
        if number == 0:  # the past, at once
            assert clock.now == NOW
            assert times[0] - traffic.start.timestamp() < 10
            assert NOW - times[-1] < 10
        else:
            assert clock.now - times[0] < 1.5
        last = times[-1]
        given += len(times)
        assert traffic.records == given
        if clock.now > NOW + 600:
            break
    assert given == pytest.approx(70 * 300, rel=0.8)  # by the time of day


def test_incidents_are_told_when_they_begin_and_go_on_in_later_stages() -> None:
    clock = Clock()
    told: list[tuple[float, str]] = []
    traffic = live(
        clock, hours=1, density=30, on_incident=lambda i: told.append((clock.now, i.kind))
    )
    text = b"".join(
        itertools.takewhile(lambda _: clock.now < NOW + 60 * 2 * STAGE_MINUTES, traffic.blocks())
    )
    assert sorted(kind for _, kind in told) == sorted(demo.KINDS * 2)
    for (at, _), incident in zip(told, traffic.incidents, strict=True):
        assert 0 <= at - incident.start.timestamp() < 60
        assert at >= NOW
    assert lf.parse(text).num_rows == text.count(b"\n")


@pytest.mark.parametrize("format_", demo.FORMATS)
def test_same_seed_and_start_same_text_in_every_format(format_: str) -> None:
    texts = []
    for seed in (3, 3, 4):
        traffic = live(Clock(), hours=0.5, density=60, seed=seed, format=format_)
        texts.append(b"".join(itertools.islice(traffic.blocks(), 40)))
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].endswith(b"\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    got: list[bytes]
    answers: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.answers.pop(0):
            self.got.append(body)
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.close_connection = True  # gone without a word

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_server_that_went_away_is_waited_for() -> None:
    Handler.got, Handler.answers = [], [1, 0, 0, 1, 0, 1]
    away: list[str] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        sent = post_ndjson(
            f"http://127.0.0.1:{server.server_port}", [b"a\n", b"b\n", b"c\n"], on_away=away.append
        )
        server.shutdown()
        thread.join()
    assert sent == 6
    assert Handler.got == [b"a\n", b"b\n", b"c\n"]
    assert len(away) == 1  # once for b; the one failure of c was a stale connection
