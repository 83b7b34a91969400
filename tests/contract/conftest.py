"""Every store passes the same tests: add a backend to ``STORES`` and it runs them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

import logforest as lf
from logforest.stores.base import Store

OpenStore = Callable[[Path], AbstractContextManager[Store]]


@contextmanager
def duckdb_file(folder: Path) -> Iterator[Store]:
    with lf.open(folder / "logs.duckdb") as store:
        yield store


@contextmanager
def duckdb_memory(_: Path) -> Iterator[Store]:
    with lf.open(":memory:") as store:
        yield store


STORES: dict[str, OpenStore] = {"duckdb": duckdb_file, "duckdb-memory": duckdb_memory}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with STORES[request.param](tmp_path) as opened:
        yield opened
