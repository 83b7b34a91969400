"""Every store passes the same tests: add a backend to ``STORES`` and it runs them all."""

from __future__ import annotations

import atexit
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import pytest

import logforest as lf
from logforest.stores.base import Store
from logforest.testing.servers import PrivatePostgres

OpenStore = Callable[[Path], AbstractContextManager[Store]]


@contextmanager
def duckdb_file(folder: Path) -> Iterator[Store]:
    with lf.open(folder / "logs.duckdb") as store:
        yield store


@contextmanager
def duckdb_memory(_: Path) -> Iterator[Store]:
    with lf.open(":memory:") as store:
        yield store


@cache
def _postgres_server() -> PrivatePostgres:
    server = PrivatePostgres(fsync="off")
    atexit.register(server.close)
    server.start()
    return server


@contextmanager
def postgres(_: Path) -> Iterator[Store]:
    server = _postgres_server()
    name = f"contract{next(_numbers)}"
    with lf.open("postgresql:///?" + _query_of(server.create_database(name))) as store:
        yield store


def _query_of(dsn: str) -> str:
    """Keywords of a DSN as the query of a URL."""
    return urlencode(dict(pair.split("=", 1) for pair in dsn.split()))


_numbers = itertools.count()
STORES: dict[str, OpenStore] = {
    "duckdb": duckdb_file,
    "duckdb-memory": duckdb_memory,
    "postgres": postgres,
}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with STORES[request.param](tmp_path) as opened:
        yield opened
