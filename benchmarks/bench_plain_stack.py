"""The server profile against the stack that is usually written by hand, on one machine in one run.

    python benchmarks/bench_plain_stack.py [RECORDS]

The plain stack (benchmarks/peers/plain_stack) is FastAPI with pydantic, redis-py's XADD for every
log, and a worker that inserts with executemany; it parses, validates and stores, and scores
nothing. Both have one API process, one worker, the same Redis (appendfsync always) and the same
Postgres (fsync on) to themselves, one after the other, three times; the best of each counts. Both
have been through a few records before the clock starts: it is not about how long processes take to
start. Rows are counted in Postgres.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_server import BLOCK, done, empty, live_groups, make_lines, post_all, post_singles

from logforest.queues.redis_streams import RedisLog
from logforest.stores.postgres import PostgresStore
from logforest.testing.cluster import Cluster, free_port
from logforest.testing.servers import wait_until

PLAIN = Path(__file__).with_name("peers") / "plain_stack"
CONNECTIONS = 64
SINGLES = 16_000  # records that are sent one by one
ROUNDS = 3
WARMING = 2 * BLOCK  # records before the clock starts


@contextmanager
def plain_stack(cluster: Cluster) -> Iterator[int]:
    """The port of the running peer."""
    port = free_port()
    api = subprocess.Popen([sys.executable, str(PLAIN / "app.py"), str(port), cluster.redis.url])
    worker = subprocess.Popen(
        [sys.executable, str(PLAIN / "worker.py"), cluster.redis.url, cluster.postgres.dsn()],
        stdout=subprocess.PIPE,
    )
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        wait_until(lambda: answers(port), 60, "the plain API")
        yield port
    finally:
        for process in (api, worker):
            process.terminate()
            process.wait()
        if worker.stdout is not None:
            worker.stdout.close()


def answers(port: int) -> bool:
    import http.client

    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", "/openapi.json")
        return link.getresponse().status == 200
    except OSError:
        return False
    finally:
        link.close()


def rows(cluster: Cluster, table: str) -> int:
    return int(cluster.postgres.psql(f"SELECT count(*) FROM {table}"))


def run_plain(cluster: Cluster, lines: list[bytes]) -> float:
    empty(cluster)
    cluster.postgres.psql("DROP TABLE IF EXISTS plain_logs")
    with plain_stack(cluster) as port:
        post_singles(port, lines[:WARMING], 4, 1)
        wait_until(lambda: rows(cluster, "plain_logs") == WARMING, 120, "the plain worker")
        begin = time.perf_counter()
        post_singles(port, lines, CONNECTIONS, 1)
        wanted = WARMING + len(lines)
        wait_until(lambda: rows(cluster, "plain_logs") == wanted, 120, "the plain worker")
        return len(lines) / (time.perf_counter() - begin)


def run_ours(cluster: Cluster, queue: RedisLog, lines: list[bytes], *, single: bool) -> float:
    empty(cluster)
    for process in (*cluster.apis, cluster.workers):
        process.start()
    try:
        cluster.wait_ready()
        wait_until(lambda: len(live_groups(queue)) >= 3, 60, "workers")
        warming = [b"\n".join(lines[i : i + BLOCK]) for i in range(0, WARMING, BLOCK)]
        assert post_all(cluster.ports, warming, 1) == WARMING
        wait_until(lambda: queue.lag("store") == 0 and done(queue), 120, "warm")
        begin = time.perf_counter()
        if single:
            post_singles(cluster.ports[0], lines, CONNECTIONS, 1)
        else:
            bodies = [b"\n".join(lines[i : i + BLOCK]) for i in range(0, len(lines), BLOCK)]
            assert post_all(cluster.ports, bodies, 4) == len(lines)
        wait_until(lambda: queue.lag("store") == 0 and done(queue), 120, "stored and scored")
        rate = len(lines) / (time.perf_counter() - begin)
        assert rows(cluster, "logs") == WARMING + len(lines)
        return rate
    finally:
        for process in (*cluster.apis, cluster.workers):
            process.stop()


def main() -> None:
    # So many that the clock runs about as long as for the plain stack's.
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    lines = make_lines(total)
    cluster = Cluster(
        apis=1, workers=("worker", "all", "--workers", "1"),
        env={"LOGFOREST_MAX_LAG": "2000000000"},
    )  # fmt: skip
    plain, single, bodies = [], [], []
    try:
        cluster.redis.start()
        cluster.postgres.start()
        PostgresStore(cluster.postgres.dsn()).ping()
        queue = RedisLog(cluster.redis.url, max_lag=0)
        for _ in range(ROUNDS):
            plain.append(run_plain(cluster, lines[:SINGLES]))
            single.append(run_ours(cluster, queue, lines[:SINGLES], single=True))
            bodies.append(run_ours(cluster, queue, lines, single=False))
    finally:
        cluster.close()
    print(f"records of {sum(map(len, lines)) / total:.0f} B, from the first POST to the last row")
    best = max(plain)
    for name, rates in (("plain", plain), ("one by one", single), ("bodies", bodies)):
        print(f"  rounds, {name}: " + ", ".join(f"{rate:,.0f}" for rate in rates))
    print(f"{'plain stack, one log a POST':<44}{best:>10,.0f} logs/s   stored")
    print(f"{'logforest, one log a POST':<44}{max(single):>10,.0f} logs/s   stored and scored, "
          f"{max(single) / best:.1f} x")  # fmt: skip
    print(f"{f'logforest, NDJSON bodies of {BLOCK}':<44}{max(bodies):>10,.0f} logs/s   stored and "
          f"scored, {max(bodies) / best:.1f} x (goal 30)")  # fmt: skip


if __name__ == "__main__":
    main()
