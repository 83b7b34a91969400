"""Crash tests of the server profile: only acknowledged records are obligations.

At the end of each test: nothing missing, nothing twice, every stored record equal to what was
sent, and a fresh record passes.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pyarrow as pa
import pytest

from logforest._core import PgClient
from logforest.queues.redis_streams import RedisLog
from logforest.testing.cluster import Cluster, Load
from logforest.testing.servers import PrivatePostgres, wait_until

pytestmark = pytest.mark.slow

WORKERS = (
    "worker", "all", "--workers", "2", "--claim-after", "1.5", "--restart-pause", "0.2",
    "--max-retries", "50", "--grace", "200",
)  # fmt: skip


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(workers=WORKERS)
    cluster.start()
    yield cluster
    cluster.close()


def stored(cluster: Cluster) -> pa.Table:
    session = PgClient(cluster.postgres.dsn(), connect_timeout=60.0).session()
    return pa.table(
        session.query(
            "SELECT id, message, level::text AS level, service, metadata, "
            "(extract(epoch FROM timestamp) * 1000)::bigint AS ms FROM logs"
        )
    )


def wait_drained(cluster: Cluster, timeout: float = 300.0) -> None:
    """Until every group has acknowledged everything."""
    queue = RedisLog(cluster.redis.url, connect_timeout=60.0)

    def empty() -> bool:
        groups = queue.status()["groups"]
        assert isinstance(groups, dict)
        waiting = {n: g["waiting_entries"] for n, g in groups.items()}
        if not set(waiting) >= {"store", "detect", "insight"} or any(waiting.values()):
            return False
        # Redis' own count of what is undelivered may be too low after a restart: look.
        return all(
            not queue.client.command("XRANGE", queue.stream, f"({last}", "+", "COUNT", 1)
            for last in queue.delivered()
        )

    try:
        wait_until(empty, timeout, "empty queue")
    except TimeoutError:
        raise AssertionError(f"{queue.status()}\n{cluster.logs()}") from None


def check_oracle(cluster: Cluster, loads: list[Load]) -> None:
    """Missing 0, duplicates 0, content equal, ids as answered."""
    rows = stored(cluster).to_pylist()
    times = Counter(row["message"] for row in rows)
    twice = [m for m, n in times.items() if n > 1]
    assert twice == [], f"{len(twice)} records twice: {twice[:5]}"
    ids = Counter(row["id"] for row in rows)
    assert max(ids.values()) == 1
    by_message = {row["message"]: row for row in rows}
    for load in loads:
        missing = [m for m in load.acknowledged if m not in by_message]
        assert missing == [], f"{len(missing)} of {len(load.acknowledged)} missing: {missing[:5]}"
        for first in range(0, load.sent, load.rows):
            body, messages = load.body(first)
            for line, message in zip(body.splitlines(), messages, strict=True):
                want, row = json.loads(line), by_message[message]
                assert row["id"] == load.acknowledged[message]
                assert row["level"] == want["level"].upper()
                assert (row["service"], row["ms"]) == (want["service"], want["timestamp"])
                assert json.loads(row["metadata"]) == {"n": want["n"], "nested": want["nested"]}
    session = PgClient(cluster.postgres.dsn(), connect_timeout=60.0).session()
    counted = pa.table(session.query("SELECT coalesce(sum(count), 0)::bigint AS n FROM windows"))
    assert counted["n"][0].as_py() == len(rows)


def check_fresh_record(cluster: Cluster, mark: str) -> None:
    with cluster.client() as client:
        client.post(json.dumps({"message": f"fresh {mark}"}).encode(), key=f"fresh-{mark}")
    session = PgClient(cluster.postgres.dsn(), connect_timeout=60.0).session()
    wait_until(
        lambda: (
            pa.table(
                session.query("SELECT id FROM logs WHERE message = $1", [f"fresh {mark}"])
            ).num_rows
        ),
        300,
        f"fresh record {mark}\n{cluster.logs()}",
    )


def some_workers(cluster: Cluster) -> list[int]:
    """Pids of workers; waits until there is one."""
    found: list[int] = []
    wait_until(lambda: found.extend(cluster.workers.children()) or found, 300, "a worker")
    return found


def test_a_hundred_kills(cluster: Cluster) -> None:
    """SIGKILL of API, worker, supervisor, Redis and Postgres at random moments, under load."""
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    loads = [Load(cluster.client(), f"load{n}") for n in range(3)]
    kills: Counter[str] = Counter()
    targets = (
        ["api"] * 25 + ["worker"] * 40 + ["supervisor"] * 8 + ["redis"] * 17 + ["postgres"] * 14
    )
    rng.shuffle(targets)
    with ExitStack() as running:
        for load in loads:
            running.enter_context(load)
        for target in targets:
            time.sleep(rng.uniform(0.05, 0.6))  # the random moment itself
            if target == "api":
                victim = rng.choice(cluster.apis)
                victim.kill()
                victim.start()
            elif target == "worker":
                with suppress(ProcessLookupError):  # it may just have ended by itself
                    os.kill(rng.choice(some_workers(cluster)), signal.SIGKILL)
            elif target == "supervisor":
                cluster.workers.kill()
                cluster.workers.start()
            elif target == "redis":
                cluster.redis.kill()
                time.sleep(rng.uniform(0, 0.3))
                cluster.redis.start()
            else:
                cluster.postgres.kill()
                time.sleep(rng.uniform(0, 0.3))
                cluster.postgres.start()
            kills[target] += 1
        wait_until(
            lambda: (
                sum(len(load.acknowledged) for load in loads) > 1000
                or any(load.error for load in loads)
            ),
            600,
            "load",
        )
    print(dict(kills))
    assert kills.total() >= 100
    wait_drained(cluster)
    check_oracle(cluster, loads)
    check_fresh_record(cluster, "after the kills")
    queue = RedisLog(cluster.redis.url)
    assert queue.dead_letters() == []


def pending_of(queue: RedisLog, group: str) -> dict[str, int]:
    """How many entries each consumer of a group owes."""
    rows = queue.client.command("XINFO", "CONSUMERS", queue.stream, group)
    named = [dict(zip(row[::2], row[1::2], strict=True)) for row in rows]
    return {row[b"name"].decode(): int(row[b"pending"]) for row in named}


def heartbeats(queue: RedisLog) -> dict[str, dict[str, object]]:
    """What the workers last told of themselves."""
    flat = queue.client.command("HGETALL", f"{queue.stream}:workers")
    return {
        name.decode(): json.loads(state) for name, state in zip(flat[::2], flat[1::2], strict=True)
    }


def test_zombie_worker(cluster: Cluster) -> None:
    """A worker that sleeps past its claim and wakes up stores nothing twice."""
    queue = RedisLog(cluster.redis.url, connect_timeout=60.0)
    robbed = 0
    with Load(cluster.client(), "zombie") as load:
        wait_until(lambda: {"store", "detect"} <= set(queue.groups()), 300, "groups")
        for _ in range(40):
            # A store and a detect worker fall asleep; each has a peer that stays awake.
            wait_until(
                lambda: (
                    Counter(str(s["group"]) for s in heartbeats(queue).values())
                    >= Counter(store=2, detect=2)
                ),
                300,
                "workers",
            )
            sleepers = [
                next(name for name, state in heartbeats(queue).items() if state["group"] == group)
                for group in ("store", "detect")
            ]
            pids = [int(str(heartbeats(queue)[name]["pid"])) for name in sleepers]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                held = sum(
                    pending_of(queue, group).get(name, 0)
                    for group, name in zip(("store", "detect"), sleepers, strict=True)
                )
                stored_before = load.sent
                try:
                    wait_until(
                        lambda names=sleepers, before=stored_before: (  # type: ignore[misc]
                            load.sent > before + 200
                            and pending_of(queue, "store").get(names[0], 0) == 0
                            and pending_of(queue, "detect").get(names[1], 0) == 0
                        ),
                        300,
                        "peers that take over",
                    )
                except TimeoutError:
                    state = f"{sleepers} {load.sent - stored_before} sent, {heartbeats(queue)}"
                    raise AssertionError(
                        f"{state}\n{queue.status()}\n{cluster.activity()}\n{cluster.logs()}"
                    ) from None
            finally:
                woken = time.time()
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
            robbed += held > 0
            wait_until(
                lambda names=sleepers, at=woken: all(  # type: ignore[misc]
                    float(str(heartbeats(queue)[name]["at"])) > at for name in names
                ),
                300,
                "the sleepers' signs of life",
            )
            if robbed >= 3:
                break
    assert robbed >= 3
    wait_drained(cluster)
    wait_until(
        lambda: not any(s.get("held") for s in heartbeats(queue).values()), 300, "idle workers"
    )
    check_oracle(cluster, [load])


def test_rolling_restart_and_orderly_end(cluster: Cluster) -> None:
    """Two API processes restarted one after the other: no request fails; SIGTERM ends with 0."""
    loads = [Load(cluster.client(), f"roll{n}", pause=0.002) for n in range(2)]
    with loads[0], loads[1]:  # raises when a request was given up in spite of its retries
        for process in cluster.apis:
            wait_until(lambda: all(load.sent > 200 for load in loads), 300, "load")
            assert process.stop() == 0, cluster.logs()
            process.start()
            cluster.wait_ready()
        assert cluster.workers.stop() == 0, cluster.logs()
        cluster.workers.start()
    wait_drained(cluster)
    check_oracle(cluster, loads)
    for process in (*cluster.apis, cluster.workers):
        assert process.stop() == 0, cluster.logs()


def test_redis_away_direct_writes_go_on(cluster: Cluster) -> None:
    with cluster.client() as client:
        cluster.redis.kill()
        answers: list[tuple[int, dict[str, str], bytes]] = []

        def refused() -> bool:
            answers.append(client.once(b'{"message": "queued"}'))
            return answers[-1][0] == 503

        wait_until(refused, 300, "503")
        assert int(answers[-1][1]["retry-after"]) >= 1
        answer = client.post(b'{"message": "direct"}', path="/data/")
        assert len(answer["ids"]) == 1  # type: ignore[arg-type]
        assert "direct" in stored(cluster)["message"].to_pylist()
        cluster.redis.start()
        check_fresh_record(cluster, "redis back")


def test_postgres_away_only_grows_the_queue() -> None:
    """Accepted while the store is away, refused with 429 past the lag limit, drained after."""
    with Cluster(workers=WORKERS, env={"LOGFOREST_MAX_LAG": "5000"}) as cluster:
        load = Load(cluster.client(), "away", rows=100, pause=0.0)
        wait_until(lambda: cluster.postgres.psql("SELECT to_regclass('ledger')"), 300, "schema")
        cluster.postgres.kill()
        with load:
            wait_until(lambda: load.client.statuses[429] > 3, 300, "429")
            assert 5000 <= len(load.acknowledged) <= 5000 + 200
            cluster.postgres.start()
            taken = len(load.acknowledged)
            wait_until(lambda: len(load.acknowledged) > taken + 1000, 300, "records taken again")
        wait_drained(cluster)
        check_oracle(cluster, [load])


def test_disk_full(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Postgres without space: the queue grows, nothing is lost, all lands when there is space."""
    del tmp_path_factory
    postgres = PrivatePostgres()
    mount = postgres.folder / "small"
    mount.mkdir()
    if os.system(f"mount -t tmpfs -o size=12m,mode=0777 tmpfs {mount} 2>/dev/null") != 0:
        postgres.close()
        pytest.skip("needs the right to mount a tmpfs")
    cluster = Cluster(workers=WORKERS, postgres=postgres)
    try:
        postgres.start()
        space = mount / "space"
        space.mkdir()
        os.system(f"chown postgres {space}")
        postgres.psql(f"CREATE TABLESPACE small LOCATION '{space}'")
        postgres.psql("ALTER DATABASE template1 SET default_tablespace = small")
        postgres.psql("ALTER SYSTEM SET default_tablespace = small")
        postgres.psql("SELECT pg_reload_conf()")
        cluster.start()
        with Load(cluster.client(), "full", rows=500, pause=0.0) as load:
            workers = cluster.workers.log
            wait_until(lambda: "could not extend" in workers.read_text(), 300, "full disk")
            taken = len(load.acknowledged)
            wait_until(lambda: len(load.acknowledged) > taken + 2000, 300, "a growing queue")
        assert os.system(f"mount -o remount,size=512m {mount}") == 0
        wait_drained(cluster)
        check_oracle(cluster, [load])
        check_fresh_record(cluster, "space again")
        assert RedisLog(cluster.redis.url).dead_letters() == []
    finally:
        cluster.close()
        os.system(f"umount {mount} 2>/dev/null")
