"""The embedded profile end to end: NDJSON over HTTP to durable, windowed and scored rows.

    python benchmarks/bench_embedded.py [RECORDS]

`logforest up` and the load generator (benchmarks/load.py, 4 connections, bodies of 1 MB) are
processes of their own on the same machine. The peer is bare DuckDB in this process: the same
records, parsed before, inserted as Arrow batches of the same size and committed one by one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import logforest as lf
from logforest import demo
from logforest.pipeline.group import prepare_batch
from logforest.stores.base import Block
from logforest.testing.service import UpProcess

RECORDS = int(sys.argv[1]) if len(sys.argv) > 1 else 800_000
GROUP_BYTES = 1 << 20


def memory_mb(pid: int, name: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(f"{name}:")[1].split()[0]) / 1024


def end_to_end(folder: Path, file: Path) -> dict[str, float]:
    with UpProcess(folder / "data") as up:
        assert up.process is not None
        load = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("load.py")), up.url, str(file)],
            capture_output=True,
            check=True,
        )
        behind = time.perf_counter()
        up.wait_for(lambda: up.get("/queue/status")["lag"] == 0)
        total = up.get("/api/v1/analytics/summary")["total"]  # the tables have all of it then
        behind = time.perf_counter() - behind
        sent = json.loads(load.stdout)
        assert total == sent["records"] == RECORDS
        assert up.get("/api/v1/logs?limit=1")["total"] == RECORDS
        peak = memory_mb(up.process.pid, "VmHWM")
        assert up.stop() == 0
    return {
        "acknowledged": RECORDS / sent["seconds"],
        "scored": RECORDS / (sent["seconds"] + behind),
        "p50": sent["latency_ms"]["p50"],
        "p99": sent["latency_ms"]["p99"],
        "peak": peak,
        "bytes": (folder / "data" / "logs.duckdb").stat().st_size / RECORDS,
    }


def bare_duckdb(folder: Path, text: bytes) -> float:
    """Inserts and commits only, and the fold into the file at the end, as the service does it."""
    with lf.open(folder / "bare.duckdb") as store:
        blocks = []
        at = 0
        while at < len(text):
            end = text.find(b"\n", min(at + GROUP_BYTES, len(text) - 1)) + 1
            logs = lf.parse(text[at:end], format="json")
            made = prepare_batch(logs, reserve_ids=store.reserve_ids)
            blocks.append(Block(made.key, made.logs, None))
            at = end
        started = time.perf_counter()
        for block in blocks:
            store.commit([block])
            store.maintain(idle=False)
        return RECORDS / (time.perf_counter() - started)


def main() -> None:
    text, _ = demo.generate(RECORDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "load.ndjson"
        file.write_bytes(text)
        ours = end_to_end(folder, file)
        bare = bare_duckdb(folder, text)
    print(f"{RECORDS} records of {len(text) / RECORDS:.0f} B")
    print(f"{'acknowledged (durable)':<40}{ours['acknowledged']:>12,.0f} logs/s")
    print(f"{'in the tables, windowed and scored':<40}{ours['scored']:>12,.0f} logs/s")
    print(f"{'bare DuckDB, same batches':<40}{bare:>12,.0f} rows/s")
    print(f"{'ratio, scored / bare':<40}{ours['scored'] / bare:>12.2f}")
    print(f"{'answer p50 / p99':<40}{ours['p50']:>6.0f} / {ours['p99']:.0f} ms")
    print(f"{'peak memory':<40}{ours['peak']:>12.0f} MB")
    print(f"{'file':<40}{ours['bytes']:>12.1f} B/row")


if __name__ == "__main__":
    main()
