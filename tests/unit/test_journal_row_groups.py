"""Frames of the journal and row groups of the tables: transactions may end within a frame."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_journal import files, killed, put, records, stored

from logforest import StoreError
from logforest.batch import LogBatch
from logforest.stores.base import LogQuery
from logforest.stores.duckdb import DuckDBStore
from logforest.stores.duckdb_backlog import Backlog

GROUP = "logforest.stores.duckdb_backlog.ROW_GROUP"


def position(store: DuckDBStore) -> tuple[int, int]:
    row = store.file.row("SELECT applied, rows FROM journal")
    assert row is not None
    return row[0], row[1]


def in_tables(store: DuckDBStore) -> int:
    """Records, without bringing more of them there."""
    row = store.file.row("SELECT count(*) FROM logs")
    assert row is not None
    return int(row[0])


def test_whole_row_groups_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GROUP, 100)
    monkeypatch.setattr(Backlog, "_run", lambda _: None)
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        assert store._backlog is not None
        for _ in range(4):
            put(store, 30)
        store._backlog.apply(groups_only=True)
        assert (in_tables(store), position(store)) == (100, (3, 10))
        for _ in range(2):
            put(store, 100)
        store._backlog.apply(groups_only=True)
        assert (in_tables(store), position(store)) == (300, (5, 80))
        assert len(stored(store)) == 320
        assert position(store) == (6, 0)
        put(store, 100)
        store._backlog.apply(groups_only=True)
        assert (in_tables(store), position(store)) == (420, (7, 0))
        assert stored(store) == list(range(1, 421))


def test_everything_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what gets into the tables before anybody could hear of it."""
    heard: list[int] = []
    done = threading.Event()
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        backlog = store._backlog
        assert backlog is not None
        apply = backlog.apply

        def put_one(n: int) -> None:
            store.reserve_ids(1)
            assert store.commit_soon(records(range(n, n + 1)), n, then)

        def then(_: LogBatch, last_id: int) -> None:
            heard.append(last_id)
            if last_id == 2:
                done.set()

        def late(**how: bool) -> None:
            if store.next_id() == 2:
                put_one(2)
            apply(**how)

        monkeypatch.setattr(backlog, "apply", late)
        put_one(1)
        assert done.wait(60)
        assert heard == [1, 2]


def test_readers_see_frames_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GROUP, 100)
    monkeypatch.setattr("logforest.stores.duckdb_backlog._GATHER_SECONDS", 0.001)
    seen: list[int] = []
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        put(store, 30)
        end = threading.Event()

        def read() -> None:
            while not end.is_set():
                seen.append(store.count(LogQuery()))
                seen.append(store.windows(by="service").to_arrow()["count"].to_pylist()[0])
                seen.append(store.logs().num_rows)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for _ in range(60):
            put(store, 30)
            assert store._backlog is not None
            store._backlog.apply(groups_only=True)
        end.set()
        for reader in readers:
            reader.join()
        assert seen
        assert [n for n in seen if n % 30] == []
        assert len(stored(store)) == 61 * 30


SPLIT = """
import logforest.stores.duckdb_backlog as backlog
backlog.ROW_GROUP, backlog.Backlog._run = 100, lambda _: None
put(store, 60)
put(store, 60)
store._backlog.apply(groups_only=True)
"""


def test_killed_in_the_middle_of_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "logs.duckdb"
    for round_ in range(1, 4):
        killed(path, SPLIT)
        with DuckDBStore(str(path)) as store:
            assert stored(store) == list(range(1, round_ * 120 + 1))
            assert position(store) == (round_ * 2, 0)
    assert files(tmp_path) == []


def test_the_rest_of_a_frame_was_moved_away(tmp_path: Path) -> None:
    """What comes after it is not taken for it."""
    path = tmp_path / "logs.duckdb"
    killed(path, SPLIT)
    for left in files(tmp_path):
        left.unlink()
    killed(path, "store._write_lock.acquire()\nput(store, 60)")
    with DuckDBStore(str(path)) as store:
        assert stored(store) == [*range(1, 101), *range(101, 161)]
        put(store, 3)
        assert len(stored(store)) == 163


def test_a_failure_in_the_middle_of_a_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GROUP, 100)
    monkeypatch.setattr(Backlog, "_run", lambda _: None)
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        for _ in range(4):
            put(store, 30)
        commit = store._writer.commit
        calls: list[object] = []

        def fails_after(*arguments: object) -> None:
            commit(*arguments)  # type: ignore[arg-type]
            calls.append(arguments)
            if len(calls) < 3:
                raise StoreError("the answer was lost")

        monkeypatch.setattr(store._writer, "commit", fails_after)
        for _ in range(2):
            with pytest.raises(StoreError, match="wait in the journal"):
                store.count(LogQuery())
        assert stored(store) == list(range(1, 121))
        assert len(calls) == 2  # the tables had it, so nothing was left to do
        put(store, 30)
        assert len(stored(store)) == 150
        assert len(calls) == 3


def test_a_commit_in_the_middle_of_a_frame_is_repeated_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after somebody else's failed write, of which DuckDB tells at the COMMIT."""
    monkeypatch.setattr(GROUP, 100)
    monkeypatch.setattr(Backlog, "_run", lambda _: None)
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        commit = store._writer.commit
        failures: list[StoreError] = []

        def fails_first(blocks: Any, applied: Any, within: Any) -> None:
            if not failures:
                failures.append(StoreError("the database was closed"))
                failures[0].code = "fatal"
                with within():
                    raise failures[0]
            commit(blocks, applied, within)

        monkeypatch.setattr(store._writer, "commit", fails_first)
        for _ in range(4):
            put(store, 30)
        assert store._backlog is not None
        store._backlog.apply(groups_only=True)
        assert len(failures) == 1
        assert (in_tables(store), position(store)) == (100, (3, 10))
        assert stored(store) == list(range(1, 121))


def test_an_older_journal_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "logs.duckdb"
    with DuckDBStore(str(path)) as store:
        put(store, 2)
    with DuckDBStore(str(path)) as store:
        store.file.row("ALTER TABLE journal DROP COLUMN rows")
    with DuckDBStore(str(path)) as store:
        put(store, 2)
        assert stored(store) == [1, 2, 3, 4]


@pytest.mark.parametrize("thread", [True, False], ids=["the thread makes it", "it does not come"])
def test_who_brings_more_than_may_wait_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thread: bool
) -> None:
    monkeypatch.setattr(GROUP, 100)
    monkeypatch.setattr("logforest.stores.duckdb_backlog._MOST_BYTES", 20_000)
    if not thread:
        monkeypatch.setattr(Backlog, "_run", lambda _: None)
        monkeypatch.setattr("logforest.stores.duckdb_backlog._ROOM_SECONDS", 0.01)
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        assert store._backlog is not None
        for _ in range(40):
            put(store, 30)
            assert store._backlog._bytes < 20_000 + 20_000
        assert in_tables(store) > 0
        assert stored(store) == list(range(1, 1201))
