"""How soon a WebSocket client sees a record while half of the server's load goes through it.

python benchmarks/bench_live.py [SECONDS]

One API process and the workers, Redis and Postgres on this machine; blocks of records come at
30,000 a second, and every 50 ms one record that the client waits for. Each of them must be seen.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time

from bench_server import make_lines
from websockets.sync.client import connect

from logforest.testing.cluster import Client, Cluster

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
LOAD = 30_000
BLOCK = 2_000


def load(port: int, bodies: list[bytes], stop: threading.Event, sent: list[int]) -> None:
    """Blocks at a steady pace; what is late is sent at once."""
    begun = time.perf_counter()
    with Client([port]) as client:
        while not stop.is_set():
            client.post(bodies[len(sent) % len(bodies)])
            sent.append(BLOCK)
            stop.wait(max(0.0, begun + sum(sent) / LOAD - time.perf_counter()))


def probe(port: int, stop: threading.Event, sent: dict[str, float]) -> None:
    """One record every 50 ms, each with a name of its own."""
    with Client([port]) as client:
        while not stop.wait(0.05):
            name = f"probe {len(sent)}"
            sent[name] = time.perf_counter()
            client.post(json.dumps({"service": "probe", "message": name}).encode())


def main() -> None:
    lines = make_lines(20 * BLOCK)
    bodies = [b"\n".join(lines[i : i + BLOCK]) for i in range(0, len(lines), BLOCK)]
    cluster = Cluster(apis=1, workers=("worker", "all", "--workers", "1"))
    stop, blocks, sent, seen = threading.Event(), [], {}, {}
    try:
        cluster.start()
        cluster.wait_ready()
        port = cluster.ports[0]
        with connect(f"ws://127.0.0.1:{port}/ws/logs?service=probe") as client:
            threads = [
                threading.Thread(target=load, args=(port, bodies, stop, blocks)),
                threading.Thread(target=probe, args=(port, stop, sent)),
            ]
            begun = time.perf_counter()
            for thread in threads:
                thread.start()
            while not stop.is_set() or len(seen) < len(sent):
                frame = json.loads(client.recv(60))
                if frame["topic"] == "new_logs":
                    seen[frame["payload"]["message"]] = time.perf_counter()
                if not stop.is_set() and time.perf_counter() - begun > SECONDS:
                    stop.set()
                    for thread in threads:
                        thread.join()
                    took = time.perf_counter() - begun
    finally:
        stop.set()
        cluster.close()
    assert seen.keys() == sent.keys(), "a record was not shown"
    waits = sorted(1000 * (seen[name] - at) for name, at in sent.items())
    p99 = waits[min(len(waits) - 1, int(0.99 * len(waits)))]
    print(f"load {sum(blocks) / took:,.0f} logs/s, {len(waits)} records waited for, all seen")
    print(f"seen after p50 {statistics.median(waits):.0f} ms, p99 {p99:.0f} ms (goal 1000)")


if __name__ == "__main__":
    main()
