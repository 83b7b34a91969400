"""A detector that is saved and goes on: nothing is found twice, missed or trusted blindly."""

from __future__ import annotations

import functools
import itertools
import logging
import shutil
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import logforest as lf
from logforest import demo
from logforest.pipeline.detection import Detection
from logforest.pipeline.detector_file import DetectorFile, SavedDetector
from logforest.pipeline.group import prepare_batch
from logforest.stores.duckdb import DuckDBStore

RECORDS = 40_000
WARMUP = 4000


@functools.cache
def traffic() -> pa.Table:
    text, _ = demo.generate(RECORDS, hours=4, seed=6)
    return lf.parse(text).to_arrow()


def detector() -> lf.Detector:
    return lf.Detector(forest_warmup=WARMUP)


def keys(*tables: pa.Table) -> list[tuple[int, str]]:
    rows = pa.concat_tables(tables).select(["log_id", "kind"]).to_pylist()
    return sorted((row["log_id"], row["kind"]) for row in rows)


@functools.cache
def uninterrupted() -> list[tuple[int, str]]:
    whole = detector()
    return keys(whole.process(traffic()), whole.flush())


@settings(max_examples=5, deadline=None)
@given(
    st.lists(st.integers(1, RECORDS - 1), max_size=12, unique=True),
    st.sets(st.integers(0, 12)),
)
def test_cuts_and_restarts_change_nothing(cuts: list[int], restarts: set[int]) -> None:
    """However the records come in batches, and wherever the detector is saved and loaded."""
    one, found = detector(), []
    edges = [0, *sorted(cuts), RECORDS]
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        if number in restarts:
            one = lf.Detector.from_bytes(one.to_bytes())
        found.append(one.process(traffic().slice(begin, end - begin)))
    assert keys(*found, one.flush()) == uninterrupted()
    assert len(uninterrupted()) > 5


def test_records_before_the_first_forest_and_open_windows_are_saved() -> None:
    first = detector()
    first.process(traffic().slice(0, WARMUP - 10))  # no forest yet
    again = lf.Detector.from_bytes(first.to_bytes())
    rest = traffic().slice(WARMUP - 10, 9000)
    found = [pa.concat_tables([d.process(rest), d.flush()]) for d in (first, again)]
    assert found[0].drop_columns(["detected_at"]).equals(found[1].drop_columns(["detected_at"]))
    assert first.status() == again.status()


# --- behind a store ---------------------------------------------------------------------------


class Service:
    """Store and detection, without the rest."""

    def __init__(self, folder: Path) -> None:
        self.store = DuckDBStore(str(folder / "logs.duckdb"))
        self.file = DetectorFile(folder / "detector.state")
        self.detection = Detection(self.store, detector(), None, self.file)

    def feed(self, begin: int, end: int, *, step: int = 1500) -> None:
        for first in range(begin, end, step):
            logs = lf.LogBatch.from_arrow(traffic().slice(first, min(step, end - first)))
            block = prepare_batch(logs, reserve_ids=self.store.reserve_ids)
            self.store.commit([block])
            self.detection.offer(block.logs, self.store.next_id() - 1)
        self.wait()

    def wait(self) -> None:
        limit = time.monotonic() + 300
        while self.detection.lag or not self.detection.recovered:
            assert time.monotonic() < limit
            threading.Event().wait(0.002)

    def stop(self) -> list[tuple[int, str]]:
        self.detection.close(timeout=300)
        found = keys(self.store.anomalies(limit=None))
        self.store.close()
        return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str]]:
    service = Service(tmp_path_factory.mktemp("whole"))
    service.feed(0, RECORDS)
    return service.stop()


def test_an_orderly_restart_goes_on(tmp_path: Path, expected: list[tuple[int, str]]) -> None:
    assert len(expected) > 5
    edges = [0, 2000, 9000, 25_000, RECORDS]
    for begin, end in itertools.pairwise(edges):
        service = Service(tmp_path)
        service.feed(begin, end)
        assert service.detection.reread_records == 0
        found = service.stop()
    assert found == expected


def test_after_a_crash_what_came_behind_the_save_is_read_again(
    tmp_path: Path, expected: list[tuple[int, str]]
) -> None:
    """The file of an earlier stop in place of the last one: as if killed before it was written."""
    state, kept = tmp_path / "detector.state", tmp_path / "kept"
    for begin, end in ((0, 8000), (8000, 21_000)):
        service = Service(tmp_path)
        service.feed(begin, end)
        service.stop()
        if begin == 0:
            shutil.copy(state, kept)
    shutil.copy(kept, state)
    service = Service(tmp_path)
    service.feed(21_000, RECORDS)
    assert service.detection.reread_records == 13_000
    assert service.stop() == expected


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.mark.parametrize("damage", ["cut", "bit", "older", "empty", "folder", "other settings"])
def test_a_file_that_cannot_be_used_is_told_once_and_records_are_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    service = Service(tmp_path)
    service.feed(0, 6000)
    before = service.stop()
    state = tmp_path / "detector.state"
    data = bytearray(state.read_bytes())
    match damage:
        case "cut":
            state.write_bytes(data[:-100])
        case "bit":
            data[len(data) // 2] ^= 4
            state.write_bytes(data)
        case "older":
            state.write_bytes(b"LFDF0000" + data[8:])
        case "empty":
            state.write_bytes(b"")
        case "folder":
            state.unlink()
            state.mkdir()
        case _:
            saved = SavedDetector.load(state)
            saved.detector = lf.Detector(every="5m")
            saved.save(state)
    service = Service(tmp_path)
    service.wait()
    assert service.detection.reread_records == 6000
    [warning] = warnings_of(caplog)
    assert "read again" in warning
    assert str(state) in warning
    service.feed(6000, 12_000)
    assert set(before) <= set(service.stop())


def test_the_file_of_another_store_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, begin, end in (("a", 0, 6000), ("b", 10, 9000), ("c", 0, 3000)):
        (tmp_path / name).mkdir()
        service = Service(tmp_path / name)
        service.feed(begin, end)
        service.stop()
    for other, reason in (("b", "another store"), ("c", "ahead of the store")):
        shutil.copy(tmp_path / "a" / "detector.state", tmp_path / other / "detector.state")
        caplog.clear()
        service = Service(tmp_path / other)
        service.wait()
        service.stop()
        [warning] = warnings_of(caplog)
        assert reason in warning


def test_a_disk_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with DuckDBStore(":memory:") as store:
        file = DetectorFile(tmp_path / "none" / "detector.state")
        assert [file.save(store, detector(), 0) for _ in range(3)] == [False] * 3
        assert len(warnings_of(caplog)) == 1
        file.path.parent.mkdir()
        assert file.save(store, detector(), 0)
        assert file.load(store, detector()) is not None
