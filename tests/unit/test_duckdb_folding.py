"""Window deltas of many commits become one row each, unseen by readers and safe in a crash."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa

import logforest as lf
from logforest.stores.duckdb import DuckDBStore


def _append(store: DuckDBStore, commits: int, start: int = 0) -> None:
    for i in range(start, start + commits):
        store.append(
            lf.parse(
                "\n".join(
                    f'{{"timestamp": "2026-03-01T10:{(i + k) % 7:02d}:00Z", "level": "{level}",'
                    f' "service": "s{k % 3}", "message": "m {i}", "response_time": {i + k / 7}}}'
                    for k, level in enumerate(("INFO", "ERROR", "INFO", "WARN"))
                )
                + '\n{"timestamp": "2026-03-01T10:00:00Z", "message": "of no service"}'
            )
        )


def _windows(store: DuckDBStore) -> list[pa.Table]:
    keys = ("tenant", "service", "level", "category")
    return [
        store.windows(every=every, by=by).to_arrow(state=True)
        for every, by in (("1m", keys), ("5m", ("service",)), ("1m", ("level",)))
    ]


def _rows(store: DuckDBStore) -> int:
    return int(store.sql("SELECT count(*) AS n FROM windows")["n"][0].as_py())


def test_folding_changes_no_result(tmp_path: Path) -> None:
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        _append(store, 30)
        before, rows = _windows(store), _rows(store)
        gone = store.fold_windows(now=True)
        assert gone > 0
        assert _rows(store) == rows - gone
        assert _windows(store) == before
        assert store.fold_windows(now=True) == 0
        distinct = "SELECT DISTINCT window_start, tenant, service, level, category FROM windows"
        assert store.sql(distinct).num_rows == _rows(store)
        sums = store.sql(
            "SELECT sum(count) AS n, sum(response_time_count) AS m, max(response_time_max) AS x"
            " FROM windows"
        ).to_pylist()[0]
        assert sums == {"n": 150, "m": 120, "x": 29 + 3 / 7}
        _append(store, 5, start=30)
        assert store.fold_windows(now=True) > 0
        assert sum(_windows(store)[0]["count"].to_pylist()) == 175
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        assert store.fold_windows(now=True) == 0
        assert sum(_windows(store)[0]["count"].to_pylist()) == 175


def test_commits_reads_and_checkpoints_beside_folding(tmp_path: Path) -> None:
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        done = threading.Event()
        failures: list[BaseException] = []

        def fold() -> None:
            try:
                while not done.is_set():
                    store.fold_windows(now=True)
                    total = sum(store.windows(by=("level",))["count"].to_pylist())
                    assert total % 5 == 0  # whole commits
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=fold)
        thread.start()
        try:
            for i in range(40):
                _append(store, 1, start=i)
                store.maintain(idle=True)
        finally:
            done.set()
            thread.join(300)
        assert not failures
        assert sum(store.windows(by=("level",))["count"].to_pylist()) == 200


_CRASH = """
import sys, threading
import logforest as lf
from logforest.stores.duckdb import DuckDBStore
store = DuckDBStore(sys.argv[1])
def fold():
    while True:
        store.fold_windows(now=True)
threading.Thread(target=fold, daemon=True).start()
line = '{"timestamp": "2026-03-01T10:00:00Z", "level": "INFO", "service": "a", "message": "m"}'
logs = lf.parse(line)
while True:
    store.append(logs)
    print("x", end="", flush=True)
"""


def test_killed_while_folding(tmp_path: Path) -> None:
    path = str(tmp_path / "logs.duckdb")
    acknowledged = 0
    for commits in (40, 1, 25, 60):
        with subprocess.Popen(
            [sys.executable, "-c", _CRASH, path], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert len(process.stdout.read(commits)) == commits
            process.kill()
            rest = process.stdout.read()
        acknowledged += commits + len(rest)
        with DuckDBStore(path) as store:
            stored = store.sql("SELECT count(*) AS n FROM logs")["n"][0].as_py()
            assert stored >= acknowledged
            acknowledged = stored  # the last commit may have been made and not told
            assert store.windows(by=("service",))["count"].to_pylist() == [stored]
