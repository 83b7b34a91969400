"""``logforest up`` as a process: start, end, and everything that can be in its way."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.small_disk import small_file_system

import logforest as lf
from logforest.testing.service import UpProcess

RECORD = b'{"level":"error","service":"api","message":"boom"}\n'


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    with UpProcess(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "logforest", *arguments],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode != 0
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_port_taken(up: UpProcess, tmp_path: Path) -> None:
    line = one_line(command("up", "--port", str(up.port), "--data", str(tmp_path / "d")))
    assert f"port {up.port} on 127.0.0.1 is taken" in line
    assert "--port" in line


def test_store_held(up: UpProcess) -> None:
    assert up.process is not None
    line = one_line(command("up", "--port", "0", "--data", str(up.data)))
    assert f"held by process {up.process.pid}" in line
    assert f"--url {up.url}" in line
    with pytest.raises(lf.StoreError, match="held by process"):
        lf.open(up.data / "logs.duckdb")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--profile", "cloud"], "profile"),
        (["up", "--port", "99999"], "port"),
        (["up", "--port", "0", "--data", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_bad_settings(arguments: list[str], said: str) -> None:
    assert said in one_line(command(*arguments))


def test_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "logs.duckdb").write_bytes(b"this is no database" * 500)
    line = one_line(command("up", "--port", "0", "--data", str(tmp_path)))
    assert "logs.duckdb" in line


def test_unknown_option_is_a_usage_error() -> None:
    result = command("up", "--colour")
    assert result.returncode == 2
    assert "--colour" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_drain_and_end_with_zero(tmp_path: Path, number: signal.Signals) -> None:
    with UpProcess(tmp_path / "data") as running:
        with socket.create_connection(("127.0.0.1", running.port)) as idle:
            assert running.request("POST", "/ingest", RECORD * 1000)[0] == 202
            assert running.process is not None
            running.process.send_signal(number)
            assert running.process.wait(240) == 0
            idle.close()
        assert len(running.output.splitlines()) == 1, running.output
    left = sorted(p.name for p in (tmp_path / "data").iterdir())
    assert left == ["detector.state", "logs.duckdb"]
    with lf.open(tmp_path / "data" / "logs.duckdb") as store:
        assert store.logs().num_rows == 1000


def test_truncated_gzip_stores_nothing(up: UpProcess) -> None:
    whole = gzip.compress(RECORD * 1000)
    before = up.get("/logs/stats")["total"]
    for cut in (10, len(whole) // 2, len(whole) - 1):
        status, body = up.request("POST", "/ingest", whole[:cut], Content_Encoding="gzip")
        assert (status, json.loads(body)["status"]) == (400, 400)
    assert up.request("POST", "/ingest", b"plain", Content_Encoding="gzip")[0] == 400
    assert up.request("POST", "/ingest", b"x" * 50, Content_Encoding="br")[0] == 415
    assert up.get("/logs/stats")["total"] == before


def test_gzip_bombs_cost_nothing(up: UpProcess) -> None:
    assert up.process is not None
    bomb = gzip.compress(b"a" * (256 << 20), 9)  # 250 kB that grow a thousandfold
    nested = gzip.compress(bomb, 9)
    for body in (bomb, nested):
        status, got = up.request("POST", "/ingest", body, Content_Encoding="gzip")
        assert status == 413, got
    peak = Path(f"/proc/{up.process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
    assert int(peak) < 700_000  # kB


def test_too_large_is_refused_before_it_is_read(up: UpProcess) -> None:
    with socket.create_connection(("127.0.0.1", up.port), timeout=240) as client:
        client.sendall(
            b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\nabc"
        )
        assert b" 413 " in client.recv(4096)


def test_a_client_that_goes_away_leaves_nothing(up: UpProcess) -> None:
    before = up.get("/logs/stats")["total"]
    with socket.create_connection(("127.0.0.1", up.port)) as client:
        client.sendall(
            b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + RECORD
        )
    assert up.request("POST", "/ingest", RECORD)[0] == 202
    up.wait_for(lambda: up.get("/logs/stats")["total"] == before + 1)


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    with small_file_system(tmp_path / "disk", megabytes=request.param) as folder:
        yield folder


@pytest.mark.parametrize(
    ("small_disk", "rows"), [(24, 500), (120, 20_000)], indirect=["small_disk"]
)
def test_full_disk_loses_nothing_acknowledged(small_disk: Path, rows: int) -> None:
    data = small_disk / "data"
    acknowledged = 0
    refused: list[tuple[int, bytes]] = []
    with UpProcess(data) as running:
        for i in range(400):
            body = b"".join(
                b'{"level":"info","message":"%s"}\n' % os.urandom(200).hex().encode()
                for _ in range(rows)
            )
            status, answer = running.request("POST", "/ingest", body)
            if status == 202:
                acknowledged += json.loads(answer)["accepted"]
            else:
                refused.append((status, answer))
                if len(refused) == 3:
                    break
            assert i < 399
        assert {status for status, _ in refused} == {507}, "\n".join(map(repr, refused))
        assert b"disk is full" in refused[0][1]
        assert running.request("GET", "/health/ready")[0] == 503
        for _ in range(3):
            assert running.get("/api/v1/logs?limit=1")["total"] == acknowledged
        subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
        assert running.request("POST", "/ingest", RECORD)[0] == 202  # goes on by itself
        assert running.request("GET", "/health/ready")[0] == 200
        assert running.stop() == 0
    with lf.open(data / "logs.duckdb") as store:
        assert store.logs().num_rows == acknowledged + 1
