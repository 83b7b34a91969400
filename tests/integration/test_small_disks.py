"""The embedded store on a disk that is full: what it has can be read, and it goes on by itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.small_disk import small_file_system

import logforest as lf
from logforest.errors import StoreError
from logforest.stores.base import LogQuery
from logforest.stores.duckdb import DuckDBStore

ROWS = 20_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path / "disk", megabytes=48) as folder:
        yield folder


def _logs(rows: int) -> lf.LogBatch:
    return lf.parse("\n".join(f'{{"msg":"{os.urandom(200).hex()}"}}' for _ in range(rows)))


@contextlib.contextmanager
def _filled(folder: Path) -> Iterator[None]:
    other = folder / "other"
    with other.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    try:
        yield
    finally:
        other.unlink()


def test_a_checkpoint_that_fails_closes_nothing(disk: Path) -> None:
    with DuckDBStore(str(disk / "logs.duckdb")) as store:
        store.append(_logs(ROWS))
        with _filled(disk):
            for _ in range(2):  # DuckDB gives up on the open database
                with pytest.raises(StoreError, match="disk is full"):
                    store.file.checkpoint()
                assert store.count(LogQuery()) == ROWS
                with pytest.raises(StoreError, match="disk is full"):
                    store.append(_logs(ROWS))
                assert store.logs(limit=3).num_rows == 3
        store.append(_logs(1))
        store.file.checkpoint()
        assert store.count(LogQuery()) == ROWS + 1


def test_no_checkpoint_is_begun_that_cannot_end(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logforest.stores.duckdb._QUIET_SECONDS", -1)
    with DuckDBStore(str(disk / "logs.duckdb")) as store:
        store.append(_logs(ROWS))
        log = store.file.wal_bytes
        with _filled(disk):
            store.maintain(idle=True)
            assert store.file.wal_bytes == log
        store.maintain(idle=True)
        assert store.file.wal_bytes < log
        assert store.count(LogQuery()) == ROWS


def test_a_store_that_is_closed_on_a_full_disk_opens_again(disk: Path) -> None:
    path = str(disk / "logs.duckdb")
    with DuckDBStore(path) as store:
        store.append(_logs(ROWS))
        with _filled(disk):
            store.close()
            with DuckDBStore(path) as again:
                assert again.count(LogQuery()) == ROWS
    with DuckDBStore(path) as store:
        assert store.append(_logs(1)) == (ROWS + 1, 1)
