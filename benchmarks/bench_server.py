"""The server profile end to end, and its stages, against bare COPY and bare Redis of the same run.

    python benchmarks/bench_server.py [RECORDS]

Everything (load generator, API, workers, Redis with appendfsync always, Postgres with fsync on)
shares the machine. Results are compared: the rows that each way stored are counted and hashed.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from logforest import _core
from logforest.queues.redis_entries import NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.stores.postgres import PostgresStore
from logforest.testing.cluster import Cluster, Process
from logforest.testing.servers import wait_until

BATCH = 10_000
BLOCK = 1_000


def make_lines(n: int, start: int = 1_793_000_000_000) -> list[bytes]:
    """Application logs of about 450 bytes with nested fields, as NDJSON; ``start`` in ms.

    Seven tenths of the way through, one service gets no answers for a while.
    """
    rng = random.Random(7)
    services = ["checkout", "payments", "search", "inventory", "gateway", "mailer"]
    texts = [
        "order {a} of customer {b} accepted after {c} ms with {d} items from warehouse {e}",
        "payment {a} refused by provider: code {e}, attempt {d}, next try in {c} ms",
        "query for session {b} gave {c} hits in {d} pages, cache key {a} was missed",
        "connection to 10.0.{d}.{e} closed by peer after {c} ms, {a} bytes unsent",
    ]
    lines = []
    for i in range(n):
        text = rng.choice(texts).format(
            a=rng.randrange(10**9), b=rng.randrange(10**6), c=rng.randrange(5000),
            d=rng.randrange(1, 40), e=rng.randrange(1, 250),
        )  # fmt: skip
        record = {
            "timestamp": start + i * 3,
            "level": rng.choices(["info", "warn", "error", "debug"], [80, 8, 2, 10])[0],
            "service": rng.choice(services),
            "host": f"node-{rng.randrange(40):02}",
            "message": text,
            "endpoint": f"/api/v2/{rng.choice(services)}/{rng.randrange(1000)}",
            "method": rng.choice(["GET", "POST"]),
            "status_code": rng.choice([200, 200, 200, 201, 404, 500]),
            "response_time": round(rng.lognormvariate(3, 1), 2),
            "user_id": f"u{rng.randrange(10**6)}",
            "trace_id": f"{rng.getrandbits(128):032x}",
            "region": "eu-central-1",
            "pod": f"app-{rng.getrandbits(36):09x}",
            "build": {
                "version": "2026.11.3",
                "commit": f"{rng.getrandbits(28):07x}",
                "canary": False,
            },
        }
        if 0.7 <= i / n < 0.75 and record["service"] == "payments":
            record |= {
                "level": "error",
                "message": f"provider did not answer within 30000 ms, order {rng.randrange(10**9)}",
                "status_code": 504,
                "response_time": round(rng.uniform(30_000, 30_100), 2),
            }
        lines.append(json.dumps(record, separators=(",", ":")).encode())
    return lines


def rate(n: int, work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return n / (time.perf_counter() - begin)


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.stop()


def count(cluster: Cluster) -> int:
    return int(cluster.postgres.psql("SELECT count(*) FROM logs"))


def digest(cluster: Cluster) -> str:
    """Equal for equal contents: ids and order left out."""
    return cluster.postgres.psql(
        "SELECT count(*) || ':' || sum(hashtextextended(message || level::text || service || "
        "metadata::text || coalesce(trace_id, '') || timestamp::text, 0)::numeric) FROM logs"
    )


def empty(cluster: Cluster) -> None:
    cluster.postgres.psql(
        "TRUNCATE logs, log_segments, ledger, windows, anomalies, templates, insights, "
        "rejected_logs"
    )
    cluster.redis.cli("FLUSHALL")
    cluster.postgres.psql("CHECKPOINT")


def bare_copy(cluster: Cluster, batches: list[_core.LogBatch]) -> None:
    session = _core.PgClient(cluster.postgres.dsn()).session()
    for batch in batches:
        session.execute("BEGIN")
        session.copy_logs("logs", batch)
        session.execute("COMMIT")


def prepared_batches(lines: list[bytes]) -> list[_core.LogBatch]:
    out = []
    for at in range(0, len(lines), BATCH):
        core, _ = _core.ingest(
            [(b"\n".join(lines[at : at + BATCH]), "json", "default", "", "", 1)], 1
        )
        _core.number_records(core, [at + 1], [core.num_rows])
        out.append(core)
    return out


def fill_queue(queue: RedisLog, lines: list[bytes]) -> None:
    queue.create_group("store")
    for at in range(0, len(lines), BLOCK * 8):
        part = lines[at : at + BLOCK * 8]
        blocks = [
            NewBlock(b"\n".join(part[i : i + BLOCK]), len(part[i : i + BLOCK]), format="json")
            for i in range(0, len(part), BLOCK)
        ]
        results = queue.add(blocks)
        assert not any(isinstance(r, Exception) for r in results), results


def bare_redis(queue: RedisLog, lines: list[bytes]) -> None:
    """The same blocks by plain XADD, pipelined alike: what hiredis and Redis can do here."""
    for at in range(0, len(lines), BLOCK * 8):
        part = lines[at : at + BLOCK * 8]
        queue.client.pipeline(
            [
                ("XADD", "bare", "*", "data", b"\n".join(part[i : i + BLOCK]))
                for i in range(0, len(part), BLOCK)
            ]
        )


def post_all(ports: list[int], bodies: list[bytes], connections: int) -> int:
    """Post bodies over keep-alive connections; how many records were accepted."""
    lock = threading.Lock()
    left = list(reversed(bodies))
    accepted = [0]
    errors: list[str] = []

    def work(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = link.makefile("rb")
            while not errors:
                with lock:
                    if not left:
                        return
                    body = left.pop()
                while True:
                    head = (
                        "POST /ingest HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Type: application/x-ndjson\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n"
                    )
                    link.sendall(head.encode() + body)
                    status, answer = read_answer(reader)
                    if status != 429:
                        break
                    time.sleep(0.05)
                if status != 202:
                    errors.append(f"{status} {answer[:300]!r}")
                    return
                with lock:
                    accepted[0] += json.loads(answer)["accepted"]

    threads = [
        threading.Thread(target=work, args=(ports[i % len(ports)],)) for i in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    return accepted[0]


def read_answer(reader: BinaryIO) -> tuple[int, bytes]:
    status = int(reader.readline().split()[1])
    length = 0
    while (line := reader.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length"):
            length = int(line.split(b":")[1])
    return status, reader.read(length)


def post_singles(port: int, lines: list[bytes], connections: int, depth: int) -> None:
    """One record a request, ``depth`` requests sent ahead on each connection."""
    share = len(lines) // connections

    def work(n: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as link:
            reader = link.makefile("rb", buffering=1 << 16)
            mine = lines[n * share : (n + 1) * share]
            for at in range(0, share, depth):
                part = mine[at : at + depth]
                link.sendall(
                    b"".join(
                        b"POST /ingest HTTP/1.1\r\nHost: localhost\r\n"
                        b"Content-Type: application/json\r\n"
                        b"Content-Length: %d\r\n\r\n%s" % (len(line), line)
                        for line in part
                    )
                )
                for _ in part:
                    status, answer = read_answer(reader)
                    assert status == 202, answer

    threads = [threading.Thread(target=work, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    lines = make_lines(total)
    size = sum(map(len, lines)) / total
    print(f"{total} records of {size:.0f} B, Redis appendfsync always, Postgres fsync on")
    cluster = Cluster(
        apis=1,
        workers=("worker", "store", "--workers", "1"),
        env={"LOGFOREST_MAX_LAG": "2000000000"},
    )
    rows: list[tuple[str, float, str]] = []
    try:
        cluster.redis.start()
        cluster.postgres.start()
        PostgresStore(cluster.postgres.dsn()).ping()
        queue = RedisLog(cluster.redis.url, max_lag=0)

        batches = prepared_batches(lines)
        copies = []
        for _ in range(2):
            empty(cluster)
            copies.append(rate(total, lambda: bare_copy(cluster, batches)))
        copy = max(copies)
        want = digest(cluster)
        rows.append(("bare COPY, one connection", copy, ""))

        empty(cluster)
        redis = rate(total, lambda: bare_redis(queue, lines))
        rows.append(("bare XADD of blocks (hiredis)", redis, ""))
        empty(cluster)

        fill_queue(queue, lines)
        with running(cluster.workers):
            wait_until(lambda: count_acked(queue) > 0, 30, "first commit")
            begun, at = time.perf_counter(), count_acked(queue)
            wait_until(lambda: queue.lag("store") == 0, 120, "drained")
            alone = (total - at) / (time.perf_counter() - begun)
        assert digest(cluster) == want, "the store worker stored something else"
        rows.append(("store worker alone", alone, f"{alone / copy:.2f} x COPY (goal 0.7)"))

        empty(cluster)
        bodies = [b"\n".join(lines[i : i + BLOCK]) for i in range(0, total, BLOCK)]
        with running(*cluster.apis):
            cluster.wait_ready()
            api = rate(total, lambda: post_all(cluster.ports, bodies, 4))
            rows.append(("HTTP -> Redis blocks", api, f"{api / redis:.2f} x hiredis (goal 0.5)"))
            empty(cluster)
            singles = lines[: min(total, 60_000)]
            one = rate(len(singles), lambda: post_singles(cluster.ports[0], singles, 128, 2))
            rows.append(("single-record POSTs, one API process", one, "goal 10,000"))
        empty(cluster)

        cluster.workers.command[-4:] = ["worker", "all", "--workers", "1"]
        with running(*cluster.apis, cluster.workers):
            cluster.wait_ready()
            wait_until(lambda: len(live_groups(queue)) >= 3, 60, "workers")
            post_all(cluster.ports, bodies[:2], 1)
            wait_until(lambda: done(queue), 60, "warm")
            runs = []
            anomalies = 0
            for _ in range(2):  # the better of two, as with COPY
                cluster.postgres.psql("TRUNCATE logs, log_segments, windows, anomalies")
                cluster.postgres.psql("CHECKPOINT")
                runs.append(end_to_end(cluster, queue, bodies, total))
                assert digest(cluster) == want, "end to end stored something else"
                # In the first alone: the second has the same times, which are over for detection.
                anomalies += int(cluster.postgres.psql("SELECT count(*) FROM anomalies"))
        scored, stored, posted = min(runs)
        whole = total / scored
        rows.append(("end to end: committed and scored", whole,
                     f"{whole / copy:.2f} x COPY (goal 0.6), goal 60,000"))  # fmt: skip
        rows.append(("  accepted", total / posted, ""))
        rows.append(("  committed", total / stored, ""))
        assert anomalies, "the incident was not found"
        windows = cluster.postgres.psql("SELECT sum(count) FROM windows")
        assert windows == str(total)
        for name, value, note in rows:
            print(f"{name:<40} {value:>10,.0f} /s   {note}")
        print(f"anomalies found: {anomalies}")
    finally:
        cluster.close()


def end_to_end(
    cluster: Cluster, queue: RedisLog, bodies: list[bytes], total: int
) -> tuple[float, float, float]:
    """Seconds until all was scored, stored, accepted."""
    begin = time.perf_counter()
    assert post_all(cluster.ports, bodies, 4) == total
    posted = time.perf_counter() - begin
    wait_until(lambda: queue.lag("store") == 0, 120, "stored")
    stored = time.perf_counter() - begin
    wait_until(lambda: done(queue), 120, "scored")
    return time.perf_counter() - begin, stored, posted


def count_acked(queue: RedisLog) -> int:
    last, acked, base = queue.client.pipeline(
        [("GET", queue.ids), ("HGET", queue.acked, "store"), ("HGET", queue.acked, "_base")]
    )
    del last
    return int(acked or base) - int(base)


def live_groups(queue: RedisLog) -> set[str]:
    flat = queue.client.command("HVALS", f"{queue.stream}:workers")
    return {json.loads(raw)["group"] for raw in flat}


def done(queue: RedisLog) -> bool:
    groups = queue.status()["groups"]
    assert isinstance(groups, dict)
    return not any(g["waiting_entries"] for g in groups.values())


if __name__ == "__main__":
    main()
