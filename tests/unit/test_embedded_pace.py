"""When the embedded store brings records into the tables, folds its file, and is asked in parts."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pytest
from tests.unit.test_journal import put, records, stored

from logforest.batch import LogBatch
from logforest.pipeline.detection import Detection
from logforest.stores.duckdb import DuckDBStore
from logforest.stores.duckdb_backlog import Backlog

BACKLOG = "logforest.stores.duckdb_backlog"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DuckDBStore:
    monkeypatch.setattr(Backlog, "_run", lambda _: None)
    return DuckDBStore(str(tmp_path / "logs.duckdb"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("_FILL_SECONDS", 0.0), ("_STILL_SECONDS", 0.0), ("ROW_GROUP", 30), ("_MOST_BYTES", 1)],
)
def test_what_ends_the_filling_of_a_row_group(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    with store:
        backlog = store._backlog
        assert backlog is not None
        assert not backlog._filling()
        monkeypatch.setattr(f"{BACKLOG}._STILL_SECONDS", 3600.0)
        monkeypatch.setattr(f"{BACKLOG}._FILL_SECONDS", 3600.0)
        put(store, 30)
        assert backlog._filling()
        backlog._gap = 0.0
        monkeypatch.setattr(f"{BACKLOG}.{name}", value)
        assert not backlog._filling()


def test_those_who_send_now_and_then_are_waited_for(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{BACKLOG}._STILL_SECONDS", 0.0)
    monkeypatch.setattr(f"{BACKLOG}._STILL_GAPS", 1e9)
    with store:
        put(store, 3)
        put(store, 3)
        assert store._backlog is not None
        assert store._backlog._filling()


def test_the_log_is_folded_at_rest_only(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logforest.stores.duckdb._CHECKPOINT_IDLE_BYTES", 1)
    monkeypatch.setattr("logforest.stores.duckdb._QUIET_SECONDS", 3600.0)
    with store:
        store.append(records(range(1, 100)))
        log = store.file.wal_bytes
        assert log
        store.maintain(idle=True)
        assert store.file.wal_bytes == log
        monkeypatch.setattr("logforest.stores.duckdb._QUIET_SECONDS", -1.0)
        store.maintain(idle=False)
        assert store.file.wal_bytes == log
        store.maintain(idle=True)
        assert not store.file.wal_bytes


def test_records_after_an_id(store: DuckDBStore) -> None:
    """Ids may have gaps, and the last records may be in the journal only."""
    with store:
        for size in (40, 1, 25, 30):
            put(store, size)
            store.reserve_ids(size * 3)  # of a group that failed
            if size != 30:
                store.settle()
        ids = stored(store)
        store.reserve_ids(100)
        ids += put(store, 20)
        until = ids[-1]
        for limit in (1, 7, 20, 64, 500):
            seen, last = list[int](), 0
            while True:
                found = store.after(last, until, limit)["id"].to_pylist()
                assert found == [n for n in ids if n > last][:limit]
                if not found:
                    break
                seen += found
                last = found[-1]
            assert seen == ids


class _Slow:
    """A scorer that waits to be told."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.seen = 0

    def process(self, logs: LogBatch) -> pa.Table:
        assert self.go_on.wait(120)
        self.seen += logs.num_rows
        return pa.table({"id": pa.array([], pa.int64())})


def test_detection_that_is_behind_is_given_time(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logforest.pipeline.detection._BEHIND_ROWS", 50)
    monkeypatch.setattr("logforest.pipeline.detection._WAIT_SECONDS", 120.0)
    with store:
        scorer = _Slow()
        detection = Detection(store, scorer)
        detection.give_time()  # nothing waits
        for first in (1, 31, 61, 91):
            detection.offer(records(range(first, first + 30)), first + 29)
        waiting = threading.Thread(target=detection.give_time)
        waiting.start()
        scorer.go_on.set()
        waiting.join(120)
        assert not waiting.is_alive()
        assert not detection._behind()
        detection.close(timeout=120)
        assert scorer.seen == 120
