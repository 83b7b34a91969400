"""One record in one POST: the embedded service against a minimal FastAPI + pydantic application.

    python benchmarks/bench_single_post.py [SECONDS] [CONNECTIONS ...]

Ours parses, masks, commits durably and answers with the id; the peer only validates the record
and keeps it in a list. Both are processes of their own under uvicorn, with one load generator (a
third process, in C, keep-alive, one request in flight a connection) that sends to one
and then to the other, in turns. What was answered must be there in the end.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from logforest.testing.service import UpProcess

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
CONNECTIONS = [int(a) for a in sys.argv[2:]] or [64, 256]
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


def build_load(folder: Path) -> Path:
    """The load generator, compiled: it must not take the time of what it measures."""
    program = folder / "post_load"
    source = Path(__file__).with_name("post_load.c")
    subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
    return program


def run_load(program: Path, port: int, connections: int, seconds: float) -> dict[str, float]:
    done = subprocess.run(
        [str(program), str(port), str(connections), str(seconds)],
        input=BODY,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(folder: Path, program: Path, connections: int) -> None:
    with UpProcess(folder / f"data-{connections}") as up:
        peer = subprocess.Popen([sys.executable, "-c", PEER], stdout=subprocess.PIPE, text=True)
        try:
            assert peer.stdout is not None
            other = UpProcess(folder / "peer")  # only as a client
            other.port = int(peer.stdout.readline().rpartition(":")[2])
            other.wait_for(lambda: other.request("GET", "/count")[0] == 200)
            ports = {"ours": up.port, "peer": other.port}
            rounds: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
            total = {
                who: run_load(program, port, connections, 0.5)["posts"]
                for who, port in ports.items()
            }
            for i in range(ROUNDS):
                for who in ("ours", "peer") if i % 2 == 0 else ("peer", "ours"):
                    rounds[who].append(run_load(program, ports[who], connections, SECONDS))
                    total[who] += rounds[who][-1]["posts"]
            query = "/api/v1/logs?limit=1&service=checkout&status=502&q=bank"
            assert up.get(query)["total"] == total["ours"]
            assert other.get("/count") == total["peer"]
        finally:
            peer.kill()
            peer.wait()
            assert peer.stdout is not None
            peer.stdout.close()
        assert up.stop() == 0
    middle = {
        who: {key: statistics.median(r[key] for r in found) for key in ("rate", "p50", "p99")}
        for who, found in rounds.items()
    }
    print(f"{connections} connections, {len(BODY)} B a record, medians of {ROUNDS} rounds")
    for who, title in (("ours", "logforest up (durable)"), ("peer", "FastAPI + pydantic (list)")):
        m = middle[who]
        print(
            f"{title:<28}{m['rate']:>9,.0f} posts/s  p50 {m['p50']:.1f} ms  p99 {m['p99']:.1f} ms"
        )
    print(f"{'ratio':<28}{middle['ours']['rate'] / middle['peer']['rate']:>9.2f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        program = build_load(Path(name))
        for connections in CONNECTIONS:
            measure(Path(name), program, connections)


if __name__ == "__main__":
    main()
