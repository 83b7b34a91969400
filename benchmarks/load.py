"""Sends NDJSON bodies of about 1 MB to a running service, as light as a load generator can be.

    python benchmarks/load.py URL FILE [CONNECTIONS] [SECONDS]

FILE holds the lines. Without SECONDS they are sent once, with SECONDS again and again. Prints one
JSON line: records, bytes, seconds, the latency of answers in ms, refused (429) tries.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

BODY_BYTES = 1 << 20


def cut(data: bytes) -> list[tuple[memoryview, int]]:
    """Bodies of whole lines and how many lines each has."""
    view = memoryview(data)
    bodies, at = [], 0
    while at < len(data):
        end = data.find(b"\n", min(at + BODY_BYTES, len(data) - 1)) + 1 or len(data)
        bodies.append((view[at:end], data.count(b"\n", at, end)))
        at = end
    return bodies


class Sender:
    """One connection that posts and reads answers by hand."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.socket = socket.create_connection(self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def post(self, body: memoryview | bytes) -> tuple[int, bytes]:
        head = (
            f"POST /api/v1/logs/ingest HTTP/1.1\r\nHost: {self.address[0]}\r\n"
            f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.socket.sendall(head.encode())
        self.socket.sendall(body)
        while b"\r\n\r\n" not in self.pending:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionError("the server closed the connection")
            self.pending += got
        answer_head, rest = self.pending.split(b"\r\n\r\n", 1)
        lines = answer_head.split(b"\r\n")
        length = next(
            int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")
        )
        while len(rest) < length:
            rest += self.socket.recv(65536)
        self.pending = rest[length:]
        return int(lines[0].split()[1]), rest[:length]


def run(url: str, data: bytes, connections: int, seconds: float | None) -> dict[str, object]:
    """Send everything; whoever is free takes the next body."""
    bodies = cut(data)
    lock = threading.Lock()
    state = {"next": 0, "records": 0, "bytes": 0, "refused": 0, "last_id": 0}
    latencies: list[float] = []
    errors: list[str] = []
    started = time.perf_counter()

    def work() -> None:
        sender = Sender(url)
        while not errors:
            with lock:
                i = state["next"]
                state["next"] += 1
            if (i >= len(bodies)) if seconds is None else (time.perf_counter() - started > seconds):
                return
            body, lines = bodies[i % len(bodies)]
            while True:
                begin = time.perf_counter()
                status, answer = sender.post(body)
                if status != 429:
                    break
                with lock:
                    state["refused"] += 1
                time.sleep(0.05)
            if status != 202:
                errors.append(f"{status} {answer[:200]!r}")
                return
            accepted = json.loads(answer)
            with lock:
                latencies.append(time.perf_counter() - begin)
                state["records"] += accepted["accepted"]
                state["bytes"] += len(body)
                if accepted["accepted"] != lines:
                    errors.append(f"{lines} lines, {accepted['accepted']} accepted")

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise SystemExit(errors[0])
    latencies.sort()
    return {
        "records": state["records"],
        "bytes": state["bytes"],
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time(),
        "refused": state["refused"],
        "latency_ms": {
            name: round(latencies[int(share * (len(latencies) - 1))] * 1000, 1)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        },
    }


if __name__ == "__main__":
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    limit = float(sys.argv[4]) if len(sys.argv) > 4 else None
    print(json.dumps(run(sys.argv[1], Path(sys.argv[2]).read_bytes(), count, limit)))
