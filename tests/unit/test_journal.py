"""The journal of the embedded store: what it acknowledged is there, once, whatever happened."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import logforest as lf
from logforest import StoreError
from logforest.batch import LogBatch
from logforest.pipeline.group import prepare_batch
from logforest.stores.base import LogQuery
from logforest.stores.duckdb import DuckDBStore
from logforest.stores.duckdb_file import DuckDBFile
from logforest.stores.journal import Journal

TAG = 7


def records(numbers: range) -> LogBatch:
    """Masked and numbered; the ids are the numbers."""
    text = "".join(
        f'{{"timestamp":"2026-03-01T10:00:00Z","level":"info","service":"s","message":"n {n}",'
        f'"extra":{n}}}\n'
        for n in numbers
    )
    return prepare_batch(lf.parse(text), reserve_ids=lambda _: numbers.start).logs


def put(store: DuckDBStore, n: int) -> range:
    first = store.reserve_ids(n)
    numbers = range(first, first + n)
    assert store.commit_soon(records(numbers), first + n - 1)
    return numbers


def stored(store: DuckDBStore) -> list[int]:
    table = store.sql("SELECT id, message FROM logs ORDER BY id")
    for number, message in zip(table["id"].to_pylist(), table["message"].to_pylist(), strict=True):
        assert message == f"n {number}"
    windows = store.sql("SELECT coalesce(sum(count), 0)::BIGINT AS n FROM windows")["n"][0].as_py()
    assert windows == table.num_rows
    ids: list[int] = table["id"].to_pylist()
    return ids


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal.*"))


def journal(folder: Path, applied: int = 0, tag: int = TAG) -> Journal:
    return Journal(str(folder / "logs.duckdb"), tag=tag, applied=applied)


def written(folder: Path, frames: int = 3) -> bytes:
    """A file with frames of 2 records each; its bytes."""
    made = journal(folder)
    for i in range(frames):
        made.append(records(range(2 * i + 1, 2 * i + 3))._core, 2 * i + 1)
    made.close()
    [path] = files(folder)
    return path.read_bytes()


def frame_ends(data: bytes, folder: Path) -> list[int]:
    frames = list(journal(folder).replay())
    ends = [len(data)]
    for frame in reversed(frames):
        ends.append(ends[-1] - len(frame.payload) - 36)
    return ends[::-1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    folder = tmp_path_factory.mktemp("whole")
    data = written(folder)
    return data, frame_ends(data, folder)


def numbers_of(folder: Path, applied: int = 0) -> list[int]:
    return [frame.number for frame in journal(folder, applied).replay()]


# --- the files ---------------------------------------------------------------------------


def test_frames_come_back(tmp_path: Path) -> None:
    written(tmp_path)
    frames = list(journal(tmp_path).replay())
    assert [(f.number, f.first_id, f.rows) for f in frames] == [(1, 1, 2), (2, 3, 2), (3, 5, 2)]
    again = LogBatch._from_core(frames[1].logs())
    same = records(range(3, 5))
    for name in same.to_arrow().column_names:
        if name != "created_at":
            assert again[name].to_pylist() == same[name].to_pylist(), name
    assert numbers_of(tmp_path, applied=2) == [3]
    assert numbers_of(tmp_path, applied=3) == []


def test_cut_at_every_byte(tmp_path: Path, whole: tuple[bytes, list[int]]) -> None:
    data, ends = whole
    path = tmp_path / "logs.duckdb.journal.1"
    path.write_bytes(data)
    for size in reversed(range(len(data))):
        os.truncate(path, size)
        complete = sum(end <= size for end in ends[1:])
        assert numbers_of(tmp_path) == list(range(1, complete + 1)), size


def test_a_tail_of_zeros_is_cut_off(tmp_path: Path, whole: tuple[bytes, list[int]]) -> None:
    """A file system may have made the file longer and not have written what belongs there."""
    data, ends = whole
    path = tmp_path / "logs.duckdb.journal.1"
    for size in (ends[2], ends[2] + 1, ends[2] + 36, ends[2] + 500, len(data) - 6):
        path.write_bytes(data[:size] + b"\0" * (len(data) - size))
        assert numbers_of(tmp_path) == [1, 2]


def test_text_of_a_record_cannot_pass_for_a_frame(
    tmp_path: Path, whole: tuple[bytes, list[int]]
) -> None:
    """Else whoever may send logs could make a store refuse to open after a power cut."""
    data, ends = whole
    (tmp_path / "forge").mkdir()
    forger = journal(tmp_path / "forge", tag=TAG + 1)
    forger.append(records(range(1, 3))._core, 1)
    forger.close()
    [made] = files(tmp_path / "forge")
    forged = made.read_bytes()[16:]
    torn = data[: ends[2] + 36 + 50] + forged
    path = tmp_path / "logs.duckdb.journal.1"
    path.write_bytes(torn)
    assert numbers_of(tmp_path) == [1, 2]


def test_every_flipped_byte_is_noticed(tmp_path: Path, whole: tuple[bytes, list[int]]) -> None:
    data, ends = whole
    path = tmp_path / "logs.duckdb.journal.1"
    path.write_bytes(data)
    for at in range(len(data)):
        with path.open("r+b") as file:
            if at:
                file.seek(at - 1)
                file.write(data[at - 1 : at])
            file.seek(at)
            file.write(bytes([data[at] ^ 0x55]))
        if at >= ends[2]:  # the last frame cannot be told from one that was not written whole
            assert numbers_of(tmp_path) == [1, 2], at
            continue
        with pytest.raises(StoreError, match=r"journal\.1 (is damaged at byte|holds records of)"):
            numbers_of(tmp_path)


def test_a_missing_file_is_noticed(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.append(records(range(1, 3))._core, 1)
    first.close()
    assert numbers_of(tmp_path) == [1]
    second = journal(tmp_path)
    assert len(list(second.replay())) == 1
    second.append(records(range(3, 5))._core, 3)
    second.close()
    assert numbers_of(tmp_path) == [1, 2]
    files(tmp_path)[0].unlink()
    with pytest.raises(StoreError, match="frame 1 is missing"):
        numbers_of(tmp_path)
    assert numbers_of(tmp_path, applied=1) == [2]


def test_files_are_removed_when_the_store_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logforest.stores.journal._FILE_BYTES", 5000)
    made = journal(tmp_path)
    for i in range(8):
        made.append(records(range(i + 1, i + 2))._core, i + 1)
    names = [p.name for p in files(tmp_path)]
    assert len(names) > 2
    assert numbers_of(tmp_path) == list(range(1, 9))
    made.forget(5)
    assert numbers_of(tmp_path, applied=5) == [6, 7, 8]
    assert len(files(tmp_path)) < len(names)
    made.forget(8, all_files=True)
    assert files(tmp_path) == []
    made.append(records(range(9, 10))._core, 9)
    made.close()
    assert numbers_of(tmp_path, applied=8) == [9]


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Writes beyond ``size`` bytes of a file fail, after what fits: as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_leaves_nothing_of_a_frame(tmp_path: Path) -> None:
    made = journal(tmp_path)
    made.append(records(range(1, 3))._core, 1)
    [path] = files(tmp_path)
    size = path.stat().st_size
    for room in (0, 1, 36, 1000):
        with file_limit(size + room), pytest.raises(StoreError, match="disk is full") as full:
            made.append(records(range(3, 5))._core, 3)
        assert full.value.code == "disk_full"
        assert full.value.retryable
        assert path.stat().st_size == size
    made.append(records(range(3, 6))._core, 3)
    made.close()
    assert [f.rows for f in journal(tmp_path).replay()] == [2, 3]


def test_a_full_disk_leaves_no_file_behind(tmp_path: Path) -> None:
    made = journal(tmp_path)
    with file_limit(8), pytest.raises(StoreError, match="disk is full"):
        made.append(records(range(1, 3))._core, 1)
    assert files(tmp_path) == []
    made.append(records(range(1, 3))._core, 1)
    made.close()
    assert numbers_of(tmp_path) == [1]


# --- the store ---------------------------------------------------------------------------


def test_readers_see_what_was_acknowledged(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        for n in range(1, 13):
            first = store.reserve_ids(1)
            logs = records(range(first, first + 1))
            version = store.version
            assert store.commit_soon(logs, first, lambda b, last: heard.append((b.num_rows, last)))
            assert store.version > version
            seen = [
                store.logs().num_rows,
                store.page(LogQuery(limit=100)).logs.num_rows,
                store.count(LogQuery()),
                store.windows(by="service").to_arrow()["count"].to_pylist()[0],
                len(stored(store)),
                store.templates()["count"].to_pylist()[0],
            ]
            assert seen == [n] * len(seen)
            assert store.log(first).num_rows == 1
            assert store.context(first).num_rows == min(n, 6)
            assert store.time_range() is not None
    assert sum(rows for rows, _ in heard) == 12
    assert [last for _, last in heard] == sorted(last for _, last in heard)


def test_commits_come_in_order_whichever_way_they_take(tmp_path: Path) -> None:
    path = str(tmp_path / "logs.duckdb")
    with DuckDBStore(path) as store:
        put(store, 3)
        assert store.append(records(range(4, 6))) == (4, 2)
        put(store, 1)
        order = store.sql("SELECT id FROM logs ORDER BY rowid")["id"].to_pylist()
        assert order == [1, 2, 3, 4, 5, 6]
    assert files(tmp_path) == []  # closed in order: nothing is left
    with DuckDBStore(path) as store:
        assert store.next_id() == 7
        assert stored(store) == [1, 2, 3, 4, 5, 6]


CHILD = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_journal import put, records, stored
from logforest.stores.base import LogQuery
from logforest.stores.duckdb import DuckDBStore
from logforest.stores.duckdb_file import DuckDBFile

store = DuckDBStore({path!r})
"""


def killed(path: Path, script: str) -> None:
    """Run ``script`` with an open ``store`` in a process that kills itself at its end."""
    text = CHILD.format(tests=str(Path(__file__).parent), path=str(path))
    text += textwrap.dedent(script) + "\nos.kill(os.getpid(), signal.SIGKILL)\n"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def test_killed_before_the_tables_had_it(tmp_path: Path) -> None:
    path = tmp_path / "logs.duckdb"
    for round_ in range(3):
        killed(
            path,
            """
            store.append(records(range(1, 2))) if store.next_id() == 1 else put(store, 1)
            len(stored(store))
            store._write_lock.acquire()  # nothing gets into the tables from now on
            for n in (1, 60, 3):
                put(store, n)
            """,
        )
        assert len(files(tmp_path)) == 1, round_
    with DuckDBStore(str(path)) as store:
        assert stored(store) == list(range(1, 3 * 65 + 1))
        assert store.next_id() == 3 * 65 + 1
        assert files(tmp_path) == []
        put(store, 2)
        assert len(stored(store)) == 3 * 65 + 2


def test_killed_after_the_tables_had_it(tmp_path: Path) -> None:
    path = tmp_path / "logs.duckdb"
    killed(path, "put(store, 5)\nlen(stored(store))\nput(store, 2)\nlen(stored(store))\n")
    [left] = files(tmp_path)  # its frames are in the tables
    shutil.copy(left, tmp_path / "copy")
    for _ in range(2):
        with DuckDBStore(str(path)) as store:
            assert stored(store) == list(range(1, 8))
            assert store.next_id() == 8
        shutil.copy(tmp_path / "copy", left)  # killed again before it was removed


def test_killed_while_frames_were_applied(tmp_path: Path) -> None:
    """A part of what is in the journal is in the tables."""
    path = tmp_path / "logs.duckdb"
    killed(
        path,
        """
        put(store, 5)
        stored(store)
        store._write_lock.acquire()
        put(store, 4)
        """,
    )
    with DuckDBStore(str(path)) as store:
        assert stored(store) == list(range(1, 10))


def test_a_journal_of_another_store(tmp_path: Path) -> None:
    path = tmp_path / "logs.duckdb"
    killed(path, "put(store, 5)")
    path.unlink()
    (tmp_path / "logs.duckdb.wal").unlink(missing_ok=True)
    with pytest.raises(StoreError, match=r"journal\.1 holds records of another store"):
        DuckDBStore(str(path))
    for left in files(tmp_path):
        left.unlink()
    with DuckDBStore(str(path)) as store:  # the file was let go of
        assert stored(store) == []


def test_a_damaged_journal_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "logs.duckdb"
    killed(path, "store._write_lock.acquire()\nput(store, 5)\nput(store, 5)")
    [left] = files(tmp_path)
    data = left.read_bytes()
    left.write_bytes(data[:100] + b"?" + data[101:])
    with pytest.raises(StoreError, match="damaged at byte 16"):
        DuckDBStore(str(path))
    left.write_bytes(data)
    with DuckDBStore(str(path)) as store:
        assert stored(store) == list(range(1, 11))


def test_an_older_file_gets_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "logs.duckdb"
    with DuckDBStore(str(path)) as store:
        store.file.row("DROP TABLE journal")
    with DuckDBStore(str(path)) as store:
        put(store, 2)
        assert stored(store) == [1, 2]


def test_what_cannot_be_applied_waits(tmp_path: Path) -> None:
    """DuckDB cannot write, the journal can: nothing is lost, and no more is promised."""
    path = tmp_path / "logs.duckdb"
    with DuckDBStore(str(path)) as store:
        with store.file.transaction() as cursor:
            cursor.execute("ALTER TABLE logs RENAME TO elsewhere")
        put(store, 3)
        with pytest.raises(StoreError, match="wait in the journal"):
            store.count(LogQuery())
        with pytest.raises(StoreError, match="wait in the journal"):
            put(store, 1)
        assert store.problem is not None
        with store.file.transaction() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO logs")
        assert put(store, 1) == range(5, 6)
        assert store.problem is None
        assert stored(store) == [1, 2, 3, 5]


def test_a_memory_store_has_none() -> None:
    with DuckDBStore(":memory:") as store:
        assert not store.commit_soon(records(range(1, 2)), 1)


def test_no_room_no_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With little space left, what is promised is in the tables already."""
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        found = os.statvfs(tmp_path)
        share = found.f_bavail * found.f_frsize // 1000
        monkeypatch.setattr("logforest.stores.duckdb_backlog._ROOM_SHARE", share)
        for _ in range(3):
            assert not store.commit_soon(records(range(1, 2)), 1)
        assert store.append(records(range(1, 2))) == (1, 1)
        assert stored(store) == [1]


def test_room_that_a_checkpoint_may_need_is_not_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DuckDBStore(str(tmp_path / "logs.duckdb")) as store:
        put(store, 1)
        found = os.statvfs(tmp_path)
        monkeypatch.setattr(DuckDBFile, "wal_bytes", found.f_bavail * found.f_frsize)
        assert not store.commit_soon(records(range(2, 3)), 2)
        monkeypatch.undo()
        put(store, 1)
        assert stored(store) == [1, 2]
