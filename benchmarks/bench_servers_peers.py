"""The embedded profile against whole servers: the same records over HTTP, in turns, in one run.

    python benchmarks/bench_servers_peers.py [RECORDS] [ROUNDS]

Each server gets both cores together with the load generator (4 connections, bodies of 1 MB), a
fresh folder, and the same NDJSON lines; Loki as what its clients send (protobuf in snappy) and as
JSON, made before the clock starts, with streams by service and level and the line as it is. Ours is
timed until everything is in the tables, windowed and scored; Loki until it has answered. Afterwards
each server is asked how many records it has. Loki: build/peers/bin/loki (scripts/bench_peers.sh).
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import load
from bench_server import make_lines

from logforest.testing.cluster import free_port
from logforest.testing.servers import wait_until
from logforest.testing.service import UpProcess

LOKI = Path(__file__).parents[1] / "build" / "peers" / "bin" / "loki"
CONNECTIONS = 4
CONFIG = """
auth_enabled: false
server: {{http_listen_port: {port}, grpc_listen_port: {grpc}, log_level: error}}
common:
  instance_addr: 127.0.0.1
  path_prefix: {folder}
  replication_factor: 1
  ring: {{kvstore: {{store: inmemory}}}}
  storage: {{filesystem: {{chunks_directory: {folder}/chunks, rules_directory: {folder}/rules}}}}
schema_config:
  configs:
    - {{from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13,
       index: {{prefix: index_, period: 24h}}}}
limits_config:
  reject_old_samples: false
  ingestion_rate_mb: 10000
  ingestion_burst_size_mb: 10000
  per_stream_rate_limit: 10GB
  per_stream_rate_limit_burst: 10GB
  max_query_series: 10000
  discover_service_name: []
querier: {{query_ingesters_within: 0}}
analytics: {{reporting_enabled: false}}
"""


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- Loki -----------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def as_snappy(raw: bytes) -> bytes:
    """A snappy block of literals only: costs the server nothing to unpack."""
    out = [varint(len(raw))]
    for at in range(0, len(raw), 1 << 16):
        piece = raw[at : at + (1 << 16)]
        out += [b"\xf4" + struct.pack("<H", len(piece) - 1), piece]
    return b"".join(out)


def streams(body: bytes) -> dict[tuple[str, str], list[tuple[int, bytes]]]:
    out: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
    for line in body.splitlines():
        record = json.loads(line)
        key = (record["service"], record["level"])
        out.setdefault(key, []).append((record["timestamp"] * 1_000_000, line))
    return out


def as_protobuf(body: bytes) -> bytes:
    """logproto.PushRequest."""
    out = []
    for (service, level), entries in streams(body).items():
        labels = f'{{level="{level}", service="{service}"}}'.encode()
        stream = [field(1, labels)]
        for at, line in entries:
            seconds, nanos = divmod(at, 10**9)
            stamp = b"\x08" + varint(seconds) + b"\x10" + varint(nanos)
            stream.append(field(2, field(1, stamp) + field(2, line)))
        out.append(field(1, b"".join(stream)))
    return as_snappy(b"".join(out))


def as_json(body: bytes) -> bytes:
    return json.dumps(
        {
            "streams": [
                {
                    "stream": {"service": service, "level": level},
                    "values": [[str(at), line.decode()] for at, line in entries],
                }
                for (service, level), entries in streams(body).items()
            ]
        },
        separators=(",", ":"),
    ).encode()


def post_all(port: int, bodies: list[bytes], content_type: str) -> float:
    """Seconds until every body was taken."""
    left, lock = list(reversed(bodies)), threading.Lock()
    errors: list[str] = []

    def work() -> None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while not errors:
            with lock:
                if not left:
                    break
                body = left.pop()
            link.request("POST", "/loki/api/v1/push", body, {"Content-Type": content_type})
            answer = link.getresponse()
            text = answer.read()
            if answer.status != 204:
                errors.append(f"{answer.status} {text[:300]!r}")
        link.close()

    begin = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    return time.perf_counter() - begin


def get(port: int, path: str) -> tuple[int, bytes]:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        link.close()


def loki(folder: Path, bodies: list[bytes], content_type: str, last: int) -> dict[str, float]:
    port = free_port()
    config = folder / "loki.yaml"
    config.write_text(CONFIG.format(port=port, grpc=free_port(), folder=folder))
    with (folder / "loki.log").open("wb") as log:
        process = subprocess.Popen([str(LOKI), f"-config.file={config}"], stdout=log, stderr=log)
    try:
        wait_until(lambda: get(port, "/ready")[0] == 200, 120, "Loki")
        before = cpu_seconds(process.pid)
        seconds = post_all(port, bodies, content_type)
        cpu = cpu_seconds(process.pid) - before
        query = quote('sum(count_over_time({service=~".+"}[6h]))')
        status, text = get(port, f"/loki/api/v1/query?query={query}&time={last + 1}")
        assert status == 200, text[:300]
        found = json.loads(text)["data"]["result"]
        count = int(found[0]["value"][1]) if found else 0
        return {"seconds": seconds, "cpu": cpu, "rows": count}
    finally:
        process.send_signal(signal.SIGKILL)  # it would flush for long; the folder goes anyway
        process.wait()


# --- ours -----------------------------------------------------------------------------------


def ours(folder: Path, data: bytes) -> dict[str, float]:
    with UpProcess(folder / "data") as up:
        assert up.process is not None
        before = cpu_seconds(up.process.pid)
        begin = time.perf_counter()
        sent = load.run(up.url, data, CONNECTIONS, None)
        up.wait_for(lambda: up.get("/queue/status")["lag"] == 0)
        total = up.get("/api/v1/analytics/summary")["total"]  # the tables have all of it then
        seconds = time.perf_counter() - begin
        cpu = cpu_seconds(up.process.pid) - before
        rows = up.get("/api/v1/logs?limit=1")["total"]
        assert sent["records"] == rows == total
        assert up.get("/api/v1/anomalies?limit=1")["items"], "the incident was not found"
        assert up.stop() == 0
    return {"seconds": seconds, "cpu": cpu, "rows": rows}


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 600_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    # Up to now: Loki looks for recent records only among those it has not written out yet.
    data = b"\n".join(make_lines(total, int(time.time() * 1000) - total * 3)) + b"\n"
    last = json.loads(data[data.rindex(b"\n", 0, -1) + 1 :])["timestamp"] // 1000
    cut = [bytes(body) for body, _ in load.cut(data)]
    ways: dict[str, Callable[[Path], dict[str, float]]] = {
        "logforest: durable and scored": lambda folder: ours(folder, data)
    }
    if LOKI.exists():
        protobuf = [as_protobuf(body) for body in cut]
        text = [as_json(body) for body in cut]
        ways["Loki, protobuf"] = lambda f: loki(f, protobuf, "application/x-protobuf", last)
        ways["Loki, JSON"] = lambda f: loki(f, text, "application/json", last)
    else:
        print(f"Loki: {LOKI} is not there (scripts/bench_peers.sh)")
    print("VictoriaLogs cannot be built from any package index in reach: not compared")
    results: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                results[name].append(way(Path(folder)))
            assert results[name][-1]["rows"] == total, (name, results[name][-1])
    print(f"{total} records of {len(data) / total:.0f} B, bodies of {len(cut[0])} B, "
          f"best of {rounds}")  # fmt: skip
    rates = {name: max(total / run["seconds"] for run in runs) for name, runs in results.items()}
    for name, runs in results.items():
        cpu = min(run["cpu"] for run in runs) / total * 1e6
        print(f"{name:<34}{rates[name]:>10,.0f} logs/s {cpu:>6.1f} us of its CPU a log")
    peers = [rate for name, rate in rates.items() if name.startswith("Loki")]
    if peers:
        mine = rates["logforest: durable and scored"]
        print(f"ratio to the better Loki: {mine / max(peers):.2f} (goal 1.5)")


if __name__ == "__main__":
    main()
