"""Requests for hosts that this service is not: pages in browsers must not reach it by a name."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from logforest.api.hosts import AllowedHosts
from logforest.api.problems import Problem
from logforest.settings import load_settings
from logforest.testing.service import UpProcess

RECORD = b'{"message": "m"}'
JSON = "application/json"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    with UpProcess(tmp_path_factory.mktemp("hosts") / "data") as running:
        yield running


def test_only_loopback_names_by_default(up: UpProcess) -> None:
    port = up.port
    for host in ("localhost", f"LOCALHOST:{port}", f"127.0.0.1:{port}", "127.0.0.9", "[::1]:80"):
        assert up.request("POST", "/ingest", RECORD, Host=host, Content_Type=JSON)[0] == 202, host
        assert up.request("GET", "/health/live", Host=host)[0] == 200
    before = up.get("/api/v1/logs?limit=1")["total"]
    for host in ("evil.test", f"evil.test:{port}", "localhost.evil.test", "127.0.0.1.evil.test",
                 "10.0.0.1", "[::2]", "x"):  # fmt: skip
        for method, path in (("POST", "/ingest"), ("POST", "/data/"), ("GET", "/api/v1/logs"),
                             ("GET", "/"), ("GET", "/metrics")):  # fmt: skip
            body = RECORD if method == "POST" else b""
            status, answer = up.request(method, path, body, Host=host, Content_Type=JSON)
            assert status == json.loads(answer)["status"] == 421, (host, path)
            assert b"allowed_hosts" in answer
    assert up.get("/api/v1/logs?limit=1")["total"] == before


def test_pages_of_other_origins_send_nothing(up: UpProcess) -> None:
    before = up.get("/api/v1/logs?limit=1")["total"]
    for origin in ("http://evil.test", "https://evil.test:8000", "null", "http://localhost.evil"):
        status, answer = up.request("POST", "/ingest", RECORD, Origin=origin)
        assert status == json.loads(answer)["status"] == 403, origin
    assert up.get("/api/v1/logs?limit=1")["total"] == before
    assert up.request("POST", "/ingest", RECORD, Origin=up.url)[0] == 202
    assert up.request("GET", "/health/live", Origin="http://evil.test")[0] == 200


def test_websockets_too(up: UpProcess) -> None:
    with connect(f"ws://127.0.0.1:{up.port}/ws") as good:
        good.ping().wait()
    with (
        socket.create_connection(("127.0.0.1", up.port)) as raw,
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://evil.test:{up.port}/ws", sock=raw),
    ):
        pass
    assert refused.value.response.status_code == 403
    with connect(f"ws://127.0.0.1:{up.port}/ws", origin=Origin(up.url)) as own:
        own.ping().wait()
    for origin in ("http://evil.test", "null"):
        with (
            pytest.raises(InvalidStatus) as foreign,
            connect(f"ws://127.0.0.1:{up.port}/ws", origin=Origin(origin)),
        ):
            pass
        assert foreign.value.response.status_code == 403


def test_names_that_were_set(tmp_path: Path) -> None:
    env = {"LOGFOREST_ALLOWED_HOSTS": "logs.example.com, 10.1.2.3"}
    with UpProcess(tmp_path / "data", env=env) as up:
        for host in ("logs.example.com", "Logs.Example.Com:443", "10.1.2.3", "localhost"):
            status, _ = up.request("POST", "/ingest", RECORD, Host=host, Content_Type=JSON)
            assert status == 202, host
        assert up.request("POST", "/ingest", RECORD, Host="example.com")[0] == 421


@pytest.mark.parametrize(
    ("setting", "bound", "refused"),
    [
        ("", "127.0.0.1", True),
        ("", "::1", True),
        ("", "127.8.8.8", True),
        ("", "0.0.0.0", False),
        ("", "::", False),
        ("", "10.0.0.1", False),
        ("*", "127.0.0.1", False),
        ("a.test", "0.0.0.0", True),
        ("a.test,*", "0.0.0.0", False),
    ],
)
def test_the_default_depends_on_the_address(setting: str, bound: str, refused: bool) -> None:
    hosts = AllowedHosts.of(load_settings(allowed_hosts=setting), bound)
    assert hosts.allows("evil.test") is not refused
    assert hosts.allows(f"[{bound}]:1" if ":" in bound else f"{bound}:1")
    assert hosts.allows("")  # no browser leaves it out
    assert bool(hosts.spellings(8000)) is refused
    if refused:
        with pytest.raises(Problem) as problem:
            hosts.check("GET", [(b"accept", b"x"), (b"host", b"evil.test")])
        assert problem.value.status == 421
