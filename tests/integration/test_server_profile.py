"""The server profile as processes: limits, figures, live records, traces, other producers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from logforest.api.ingest import trace_of
from logforest.queues.redis_entries import NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.testing.cluster import Client, Cluster, fetch
from logforest.testing.servers import PrivatePostgres, PrivateRedis, wait_until
from logforest.testing.service import UpProcess

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MAX_LAG = 3000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    env = {
        "LOGFOREST_MAX_LAG": str(MAX_LAG), "LOGFOREST_MAX_ENTRIES": "40",
        "LOGFOREST_LOG_LEVEL": "DEBUG",
    }  # fmt: skip
    workers = ("worker", "all", "--claim-after", "2", "--restart-pause", "0.2", "--grace", "200")
    with Cluster(apis=2, workers=workers, env=env, postgres=PrivatePostgres(fsync="off")) as made:
        wait_until(lambda: ready(made), 240, "workers")
        yield made
        for process in (*made.apis, made.workers):
            assert process.stop() == 0, made.logs()


def ready(cluster: Cluster) -> bool:
    queue = RedisLog(cluster.redis.url)
    return {"store", "detect", "insight"} <= set(queue.groups())


@pytest.fixture
def queue(cluster: Cluster) -> RedisLog:
    return RedisLog(cluster.redis.url)


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Client]:
    with cluster.client() as client:
        yield client


@pytest.fixture
def no_workers(cluster: Cluster) -> Iterator[None]:
    wait_until(lambda: drained(cluster))
    assert cluster.workers.stop() == 0
    yield
    cluster.workers.start()
    wait_until(lambda: drained(cluster), 240)


def drained(cluster: Cluster) -> bool:
    groups: Any = RedisLog(cluster.redis.url).status()["groups"]
    return not any(group["waiting_entries"] for group in groups.values())


def get(port: int, path: str) -> Any:
    status, body = fetch(port, path)
    assert status == 200, body
    return json.loads(body)


def lines(n: int, name: str) -> bytes:
    return b"\n".join(b'{"message":"%s %d"}' % (name.encode(), i) for i in range(n))


def found(cluster: Cluster, word: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = get(cluster.ports[0], f"/api/v1/logs?q={word}")["items"]
    return items


@pytest.mark.usefixtures("no_workers")
def test_past_the_lag_limit_429_with_retry_after(
    cluster: Cluster, client: Client, queue: RedisLog
) -> None:
    port = cluster.ports[0]
    before = get(port, "/queue/status")["details"]
    assert (before["max_lag"], before["max_entries"]) == (MAX_LAG, 40)
    taken = 0
    while True:
        status, headers, body = client.once(lines(500, "lagging"))
        if status != 202:
            break
        taken += json.loads(body)["accepted"]
    assert status == 429
    assert int(headers["retry-after"]) >= 1
    assert headers["content-type"] == "application/problem+json"
    assert "wait" in json.loads(body)["detail"]
    assert MAX_LAG <= taken <= MAX_LAG + 500
    assert queue.lag("store") == taken  # nothing accepted was dropped, nothing refused was kept
    # Every API process sees the same limit.
    for one in cluster.ports:
        with Client([one]) as single:
            assert single.once(b'{"message":"x"}')[0] == 429
    # The direct route does not go through the queue.
    assert json.loads(client.once(b'{"message":"straight"}', path="/data/")[2])["accepted"] == 1

    def counted() -> bool:
        details = get(port, "/queue/status")["details"]
        groups = details.get("groups", {})
        return (
            details["store"] == taken
            and groups.get("store", {}).get("waiting_records") == taken
            and details["entries"] >= taken // 500
        )

    wait_until(counted)
    health = get(port, "/health")
    assert (health["status"], health["lag"]) == ("ok", taken)
    metrics = fetch(port, "/metrics")[1].decode()
    assert f'logforest_group_waiting_records{{group="store"}} {float(taken)}' in metrics
    assert f"logforest_queue_max_lag {float(MAX_LAG)}" in metrics
    assert re.search(r'logforest_http_requests_total\{status="429"\} \d', metrics)


@pytest.mark.usefixtures("no_workers")
def test_past_the_entry_limit_429(client: Client, queue: RedisLog) -> None:
    """Many small blocks: the stream's length has a limit of its own."""
    for i in range(200):
        status, headers, body = client.once(b'{"message":"tiny"}', key=f"tiny-{i}")
        if status != 202:
            break
    assert status == 429
    assert int(headers["retry-after"]) >= 1
    assert "entries" in json.loads(body)["detail"]
    assert 40 <= int(str(queue.status()["entries"])) <= 41


def test_dead_letters_are_counted(cluster: Cluster, queue: RedisLog) -> None:
    queue.add([NewBlock(lines(3, "liar"), 1, format="json")])  # holds more than it says
    # Each group that reads records finds out for itself.
    wait_until(lambda: {letter.group for letter in queue.dead_letters()} == {"store", "detect"})
    port = cluster.ports[1]
    wait_until(lambda: get(port, "/queue/status")["details"].get("dead_letters") == 2)
    assert "logforest_queue_dead_letters 2.0" in fetch(port, "/metrics")[1].decode()
    assert all(queue.drop(letter.id) for letter in queue.dead_letters())
    wait_until(lambda: get(port, "/queue/status")["details"]["dead_letters"] == 0)


def test_live_records_cross_processes(cluster: Cluster) -> None:
    """A client of one API process sees what another one took in."""
    first, second = cluster.ports
    with (
        connect(f"ws://127.0.0.1:{first}/ws/logs", open_timeout=240) as watcher,
        Client([second]) as client,
    ):
        watcher.send('{"subscribe": ["new_logs"], "q": "crossing"}')
        frames: list[dict[str, Any]] = [json.loads(watcher.recv(240))]
        assert frames[0]["topic"] == "subscribed"
        client.post(b'{"message":"not this"}')
        answer = client.post(b'{"message":"crossing over","level":"error"}')
        while frames[-1]["topic"] != "new_logs":
            frames.append(json.loads(watcher.recv(240)))
    payload = frames[-1]["payload"]
    assert (payload["message"], payload["level"]) == ("crossing over", "ERROR")
    assert payload["id"] == answer["first_id"]


def test_records_of_other_producers(cluster: Cluster, queue: RedisLog) -> None:
    """One record an entry, in the same stream, beside blocks."""
    fields = {
        "timestamp": "2026-01-02T03:04:05.678Z", "level": "warning", "source": "host-7",
        "application": "billing", "message": "foreign entry of café",
        "metadata": '{"order": 7, "tags": ["a"]}',
    }  # fmt: skip
    flat = [word for pair in fields.items() for word in pair]
    ids = [queue.client.command("XADD", queue.stream, "*", *flat).decode() for _ in range(3)]
    queue.client.command("XADD", queue.stream, "*", "message", "foreign entry, bare")
    queue.client.command("XADD", queue.stream, "*", "nothing", "of ours: foreign entry")
    wait_until(lambda: len(found(cluster, "foreign")) >= 4)
    wait_until(lambda: drained(cluster))
    rows = [r for r in found(cluster, "foreign") if r["message"] == fields["message"]]
    assert len(rows) == len(ids)
    assert len({r["id"] for r in rows}) == 3
    row = rows[0]
    assert (row["level"], row["service"], row["source"]) == ("WARN", "billing", "host-7")
    assert row["timestamp"] == "2026-01-02T03:04:05.678000Z"
    assert row["metadata"] == {"order": 7, "tags": ["a"]}
    assert queue.dead_letters() == []


def test_traces_reach_the_workers(cluster: Cluster, client: Client) -> None:
    """``traceparent`` of a request -> its block -> the log of the workers."""
    for trace in (TRACE, "not-a-trace"):
        assert client.once(b'{"message":"traced"}', traceparent=trace)[0] == 202
    workers = cluster.workers.log
    for group in ("store", "detect"):
        wait_until(
            lambda g=group: re.search(  # type: ignore[misc]
                rf"{g} worker: block \S+ done \[traceparent {TRACE}\]", workers.read_text()
            )
        )
    assert "not-a-trace" not in workers.read_text()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (TRACE, TRACE),
        (TRACE.replace("00-", "cc-", 1) + "-future", TRACE.replace("00-", "cc-", 1)),
        (TRACE + "-more", ""),  # version 00 ends here
        (TRACE.replace("00-", "ff-", 1), ""),
        (TRACE.upper(), ""),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", ""),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01", ""),
        (TRACE[:-1], ""),
        ("", ""),
        ("x" * 1000, ""),
    ],
)
def test_only_valid_traces_are_kept(value: str, kept: str) -> None:
    assert trace_of(value.encode()) == kept


def test_redis_away_is_told_at_once(cluster: Cluster, client: Client) -> None:
    port = cluster.ports[0]
    cluster.redis.kill()
    try:
        wait_until(
            lambda: get(port, "/health")["services"]["redis"]["status"] == "failing", 240, "failing"
        )
        status, headers, _ = client.once(b'{"message":"queued"}')
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        assert get(port, "/health")["status"] == "degraded"
        assert fetch(port, "/health/ready")[0] == 200  # the direct route writes
        assert json.loads(client.once(b'{"message":"direct"}', path="/data/")[2])["accepted"] == 1
        assert get(port, "/queue/status")["details"]["error"]
    finally:
        cluster.redis.start()
    client.post(b'{"message":"back again"}')
    wait_until(lambda: len(found(cluster, "back")) == 1)
    wait_until(lambda: get(port, "/health")["status"] == "ok")


def children(pid: int) -> list[int]:
    """Of all its threads: the supervisor is one."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in found for child in file.read_text().split()]


def test_up_with_the_server_profile(tmp_path: Path) -> None:
    """API and workers under one command; it ends with all of them."""
    redis, postgres = PrivateRedis(), PrivatePostgres(fsync="off")
    try:
        redis.start()
        postgres.start()
        arguments = ("--profile", "server", "--redis", redis.url, "--postgres", postgres.dsn())
        with UpProcess(tmp_path / "data", *arguments) as up:
            assert up.process is not None
            status, body = up.request("POST", "/ingest", lines(50, "upward"))
            assert (status, json.loads(body)["accepted"]) == (202, 50)
            up.wait_for(lambda: up.get("/api/v1/logs?q=upward&limit=100")["total"] == 50)
            assert up.get("/health")["profile"] == "server"
            up.wait_for(lambda: up.get("/queue/status")["lag"] == 0)
            started = children(up.process.pid)
            assert len(started) == 4
            assert up.stop() == 0
            assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
        assert "Traceback" not in up.output
        assert not (tmp_path / "data" / "logs.duckdb").exists()
        # Killed, it leaves no worker behind.
        with UpProcess(tmp_path / "data", *arguments) as up:
            assert up.process is not None
            up.wait_for(lambda: len(children(up.process.pid)) == 4)  # type: ignore[union-attr]
            started = children(up.process.pid)
            up.kill()
            for pid in started:
                wait_until(lambda p=pid: not running(p))  # type: ignore[misc]
    finally:
        redis.close()
        postgres.close()


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
