"""One record in one POST: the embedded service against a minimal FastAPI + pydantic application.

    python benchmarks/bench_single_post.py [CONNECTIONS] [SECONDS]

Ours parses, masks, commits durably and answers with the id; the peer only validates the record
and keeps it in a list. Both are processes of their own under uvicorn, with one load generator (a
third process, raw sockets with keep-alive, one request in flight a connection) that sends to one
and then to the other, in turns. What was answered must be there in the end.
"""

from __future__ import annotations

import json
import re
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from logforest.testing.service import UpProcess

_GIVEN = [a for a in sys.argv[1:] if a != "--load"]
CONNECTIONS = int(_GIVEN[0]) if _GIVEN else 32
SECONDS = float(_GIVEN[1]) if len(_GIVEN) > 1 else 3.0
ROUNDS = 3

BODY = json.dumps(
    {
        "timestamp": "2026-03-01T10:00:00.123Z",
        "level": "ERROR",
        "service": "checkout",
        "message": "payment of order 81723 was refused by the bank after 3 tries",
        "endpoint": "/api/pay",
        "method": "POST",
        "status_code": 502,
        "response_time": 812.5,
    }
).encode()

PEER = """
from datetime import datetime
import socket, sys
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

class Record(BaseModel):
    timestamp: datetime
    level: str
    service: str | None = None
    message: str
    endpoint: str | None = None
    method: str | None = None
    status_code: int | None = None
    response_time: float | None = None

app = FastAPI()
kept: list[Record] = []

@app.post("/api/v1/logs/ingest", status_code=202)
async def ingest(record: Record) -> dict[str, int]:
    kept.append(record)
    return {"accepted": 1, "first_id": len(kept)}

@app.get("/count")
async def count() -> int:
    return len(kept)

listener = socket.create_server(("127.0.0.1", 0))
print("http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listener])
"""


def load(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Post until the time is over; every connection waits for its answer before the next."""
    request = (
        b"POST /api/v1/logs/ingest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(BODY)
    ) + BODY
    poll = select.epoll()
    clients: dict[int, socket.socket] = {}
    sent: dict[int, float] = {}
    pending: dict[int, bytes] = {}
    latencies: list[float] = []
    started = time.perf_counter()
    for _ in range(connections):
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)
        sent[client.fileno()] = time.perf_counter()
        pending[client.fileno()] = b""
        client.sendall(request)
    while clients:
        for number, _ in poll.poll(10):
            client = clients[number]
            text = pending[number] + client.recv(65536)
            head, split, rest = text.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            if not split or length is None or len(rest) < int(length[1]):
                assert text != pending[number], "the server closed the connection"
                pending[number] = text
                continue
            assert b" 202 " in head[:16], text
            assert b'"accepted":1' in rest, text
            now = time.perf_counter()
            latencies.append(now - sent[number])
            pending[number] = b""
            if now - started > seconds:
                poll.unregister(client)
                clients.pop(number).close()
                continue
            sent[number] = now
            client.sendall(request)
    took = time.perf_counter() - started
    latencies.sort()
    return {
        "posts": len(latencies),
        "rate": len(latencies) / took,
        "p50": latencies[len(latencies) // 2] * 1000,
        "p99": latencies[int(len(latencies) * 0.99)] * 1000,
    }


def run_load(port: int, seconds: float) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, str(CONNECTIONS), str(seconds), "--load", str(port)],
        capture_output=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name, UpProcess(Path(name) / "data") as up:
        peer = subprocess.Popen([sys.executable, "-c", PEER], stdout=subprocess.PIPE, text=True)
        try:
            assert peer.stdout is not None
            other = UpProcess(Path(name) / "peer")  # only as a client
            other.port = int(peer.stdout.readline().rpartition(":")[2])
            other.wait_for(lambda: other.request("GET", "/count")[0] == 200)
            ports = {"ours": up.port, "peer": other.port}
            rounds: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
            warm = {who: run_load(port, 0.5)["posts"] for who, port in ports.items()}
            for i in range(ROUNDS):
                for who in ("ours", "peer") if i % 2 == 0 else ("peer", "ours"):
                    rounds[who].append(run_load(ports[who], SECONDS))
            total = {who: warm[who] + sum(r["posts"] for r in rounds[who]) for who in rounds}
            query = "/api/v1/logs?limit=1&service=checkout&status=502&q=bank"
            assert up.get(query)["total"] == total["ours"]
            assert other.get("/count") == total["peer"]
        finally:
            peer.kill()
            peer.wait()
        assert up.stop() == 0
    print(f"{CONNECTIONS} connections, {len(BODY)} B a record, medians of {ROUNDS} rounds")
    middle = {
        who: {key: statistics.median(r[key] for r in found) for key in ("rate", "p50", "p99")}
        for who, found in rounds.items()
    }
    for who, title in (("ours", "logforest up (durable)"), ("peer", "FastAPI + pydantic (list)")):
        m = middle[who]
        print(
            f"{title:<28}{m['rate']:>9,.0f} posts/s  p50 {m['p50']:.1f} ms  p99 {m['p99']:.1f} ms"
        )
    print(f"{'ratio':<28}{middle['ours']['rate'] / middle['peer']['rate']:>9.2f}")


if __name__ == "__main__":
    if "--load" in sys.argv:
        print(json.dumps(load(int(sys.argv[-1]), CONNECTIONS, SECONDS)))
    else:
        main()
