"""The commands of the server profile against real servers: db, queue, worker, retention."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from logforest._core import PgClient
from logforest.queues.redis_entries import NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.stores import postgres_schema
from logforest.testing.cluster import Process, fetch, free_port
from logforest.testing.servers import PrivateRedis, wait_until
from logforest.workers.base import heartbeat_key


def run(*arguments: str, code: int = 0, **env: str) -> str:
    """What a command prints; on its standard error when it is to fail."""
    done = subprocess.run(
        [sys.executable, "-m", "logforest", *arguments],
        capture_output=True, text=True, timeout=300, check=False, env=os.environ | env,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 or done.stdout else done.stderr


# db


def months(first: int, last: int) -> list[str]:
    """Names of partitions, counted from this month."""
    now = dt.datetime.now(dt.UTC)
    number = now.year * 12 + now.month - 1
    return [f"logs_{n // 12}_{n % 12 + 1:02}" for n in range(number + first, number + last + 1)]


def test_db_commands(dsn: str) -> None:
    known = [m.version for m in postgres_schema.migrations()]
    empty = json.loads(run("db", "status", "--postgres", dsn, "--json", code=1))
    assert [m["applied"] for m in empty["migrations"]] == [False] * len(known)
    assert empty["partitions"] == []
    assert json.loads(run("db", "init", "--postgres", dsn, "--json")) == {"applied": known}
    assert "nothing to do" in run("db", "migrate", LOGFOREST_POSTGRES=dsn)
    status = json.loads(run("db", "status", "--postgres", dsn, "--json"))
    assert all(m["applied"] for m in status["migrations"])
    assert {p["name"] for p in status["partitions"]} >= {"logs_default", *months(-1, 2)}
    assert "logs_default: about 0 rows" in run("db", "status", "--postgres", dsn)


def test_db_migrate_goes_on_where_it_was(dsn: str) -> None:
    run("db", "init", "--postgres", dsn)
    last = postgres_schema.migrations()[-1]
    session = PgClient(dsn).session()
    session.execute(f"UPDATE schema_migrations SET checksum = 'x' WHERE version = {last.version}")
    changed = run("db", "migrate", "--postgres", dsn, code=1)
    assert "differs from the one that was applied" in changed
    session.execute(f"UPDATE schema_migrations SET checksum = '{last.checksum}', version = 9999 "
                    f"WHERE version = {last.version}")  # fmt: skip
    newer = run("db", "migrate", "--postgres", dsn, code=1)
    assert "schema version 9999" in newer
    assert "upgrade logforest" in newer


def test_db_without_a_server() -> None:
    assert "--postgres" in run("db", "status", code=1, LOGFOREST_POSTGRES="")
    assert "cannot connect" in run("db", "status", "--postgres", "host=/nowhere", code=1)


# queue


def bury(redis_url: str, *bodies: bytes, reason: str = "because") -> RedisLog:
    queue = RedisLog(redis_url)
    queue.create_group("store")
    queue.add(
        [NewBlock(body, 3, trace="00-" + "a" * 32 + "-" + "b" * 16 + "-01") for body in bodies]
    )
    for item in queue.read("store", "c", 100, 0.0).items:
        queue.bury("store", item.entry_ids[0], item.count, reason, 6)
    return queue


def test_queue_status(redis_server: PrivateRedis, redis_url: str) -> None:
    queue = bury(redis_url, b"dead")
    queue.add([NewBlock(b"x", 4), NewBlock(b"y", 5)])
    queue.read("store", "c", 1, 0.0)
    report = json.loads(run("queue", "status", "--redis", redis_url, "--json"))
    assert (report["dead_letters"], report["warnings"]) == (1, [])
    assert report["groups"]["store"] == {
        "consumers": 1, "pending_entries": 1, "waiting_entries": 2, "waiting_records": 9,
    }  # fmt: skip
    redis_server.cli("CONFIG", "SET", "appendfsync", "everysec")
    try:
        text = run("queue", "status", LOGFOREST_REDIS=redis_url)
    finally:
        redis_server.cli("CONFIG", "SET", "appendfsync", "always")
    assert "store: 2 entries (9 records) wait, 1 being worked on by 1 consumers" in text
    assert "warning: Redis has appendfsync everysec" in text


def test_dead_letters_are_listed_retried_and_dropped(redis_url: str) -> None:
    queue = bury(redis_url, b"one", b"two", b"three", reason="bad \x1b[2J bytes")
    rows = json.loads(run("queue", "dead", "list", "--redis", redis_url, "--json"))
    assert [r["data"] for r in rows] == ["one", "two", "three"]
    assert rows[0]["trace"].startswith("00-aaaa")
    assert (rows[0]["records"], rows[0]["deliveries"], rows[0]["group"]) == (3, 6, "store")
    text = run("queue", "dead", "list", "--limit", "1", "--redis", redis_url)
    assert "bad ?[2J bytes" in text
    assert text.count("\n") == 1
    assert "retried 1 of 1" in run("queue", "dead", "retry", rows[1]["id"], "--redis", redis_url)
    again = queue.read("store", "c", 10, 0.0).items
    assert [item.data for item in again] == [b"two"]
    assert again[0].trace == rows[1]["trace"]
    both = ("queue", "dead", "retry", rows[1]["id"], rows[0]["id"], "--redis", redis_url)
    assert "retried 1 of 2" in run(*both, code=1)
    assert "name the dead letters" in run("queue", "dead", "drop", "--redis", redis_url, code=1)
    assert "dropped 1 of 1" in run("queue", "dead", "drop", "--all", "--redis", redis_url)
    assert run("queue", "dead", "list", "--redis", redis_url) == "no dead letters\n"


# worker


@pytest.fixture
def workers(tmp_path: Path, redis_url: str, dsn: str) -> Iterator[tuple[Process, int]]:
    port = free_port()
    env = {"LOGFOREST_REDIS": redis_url, "LOGFOREST_POSTGRES": dsn}
    process = Process(
        "workers", tmp_path, env, "worker", "all", "--workers", "1", "--health-port", str(port),
        "--restart-pause", "0.1", "--claim-after", "1", "--grace", "200",
    )  # fmt: skip
    process.start()
    yield process, port
    if process.process is not None:
        process.stop()


def ready(port: int) -> tuple[int, dict[str, Any]]:
    status, body = fetch(port, "/health/ready")
    return status, json.loads(body) if body else {}


def test_workers_are_checked_and_probed(workers: tuple[Process, int], redis_url: str) -> None:
    process, port = workers
    wait_until(lambda: ready(port)[0] == 200)
    assert set(ready(port)[1]["workers"]) == {"store-0", "detect-0", "alert-0", "insight-0"}
    assert fetch(port, "/health/live")[0] == 200
    assert fetch(port, "/else")[0] == 404

    def beating() -> dict[str, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "logforest", "worker", "check", "--redis", redis_url, "--json"],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return {row["group"]: row for row in json.loads(done.stdout)["workers"] if row["ok"]}

    wait_until(lambda: len(beating()) == 4)
    state = beating()["store"]
    assert state["pid"] in process.children()
    assert (state["error"], state["buried"], state["lost"]) == (None, 0, 0)
    os.kill(state["pid"], signal.SIGKILL)
    wait_until(lambda: ready(port)[1]["workers"]["store-0"]["restarts"] == 1)
    wait_until(lambda: ready(port)[0] == 200)
    # A worker that is never heard of again is told, and forgotten after an hour.
    queue = RedisLog(redis_url)
    key = heartbeat_key(queue.stream)
    for name, age in (("silent", 100), ("forgotten", 4000)):
        old = {"group": "store", "at": time.time() - age, "records": 7, "error": None}
        queue.client.command("HSET", key, name, json.dumps(old))
    text = run("worker", "check", "--redis", redis_url, code=1)
    assert "silent" in text
    assert re.search(r"silent +SILENT \d+ s ago  7 records", text)
    assert "forgotten" not in text
    assert not queue.client.command("HEXISTS", key, "forgotten")
    queue.client.command("HDEL", key, "silent")
    assert process.stop() == 0
    left = queue.client.command("HKEYS", key)
    # The one that was killed could not sign off; the others did.
    assert [json.loads(queue.client.command("HGET", key, n))["pid"] for n in left] == [state["pid"]]
    assert ready(port)[0] == 0


def test_nobody_works(redis_url: str) -> None:
    assert json.loads(run("worker", "check", "--redis", redis_url, "--json", code=1)) == {
        "workers": [], "groups": {},
    }  # fmt: skip
    assert "--redis" in run("worker", "store", code=1)


def test_a_wrong_schema_ends_workers_before_they_take_a_block(redis_url: str, dsn: str) -> None:
    run("db", "init", "--postgres", dsn)
    PgClient(dsn).session().execute("INSERT INTO schema_migrations VALUES (9999, now(), 'x', 'y')")
    queue = RedisLog(redis_url)
    queue.add([NewBlock(b"{}", 1)])
    words = run("worker", "store", "--child", "--redis", redis_url, "--postgres", dsn, code=1)
    assert "upgrade logforest" in words
    assert queue.lag("store") == 1
    assert queue.dead_letters() == []


# retention


def test_retention_commands(dsn: str) -> None:
    at = ("--postgres", dsn)
    assert "db migrate" in run("retention", "list", *at, code=1)
    run("db", "init", *at)
    assert run("retention", "list", *at) == "no rules: everything is kept\n"
    run("retention", "set", "90", *at)
    run("retention", "set", "7", "--level", "debug", *at)
    run("retention", "set", "5", "--tenant", "acme", *at)
    run("retention", "set", "30", "--tenant", "acme", *at)
    run("retention", "set", "400", "--tenant", "acme", "--level", "ERROR", *at)
    rules = json.loads(run("retention", "list", *at, "--json"))
    assert [(r["tenant"], r["level"], r["days"]) for r in rules] == [
        (None, None, 90), (None, "DEBUG", 7), ("acme", None, 30), ("acme", "ERROR", 400),
    ]  # fmt: skip
    assert "nonsense" in run("retention", "set", "7", "--level", "nonsense", *at, code=1).lower()
    assert "dropped" in run("retention", "drop", "--level", "DEBUG", *at)
    assert "no rule" in run("retention", "drop", "--level", "DEBUG", *at, code=1)
    assert json.loads(run("retention", "run", *at, "--json")) == {"partitions": 0, "rows": 0}
    rows = pa.table(PgClient(dsn).session().query("SELECT days FROM retention_rules"))
    assert sorted(rows["days"].to_pylist()) == [30, 90, 400]
