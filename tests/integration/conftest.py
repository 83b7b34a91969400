"""Servers for integration tests: one of each for the whole session, a clean slate per test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from logforest.testing.servers import PrivatePostgres, PrivateRedis

_numbers = itertools.count()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[PrivateRedis]:
    server = PrivateRedis()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PrivatePostgres]:
    server = PrivatePostgres(fsync="off")
    server.start()
    yield server
    server.close()


@pytest.fixture
def redis_url(redis_server: PrivateRedis) -> str:
    redis_server.cli("FLUSHALL")
    return redis_server.url


@pytest.fixture
def dsn(postgres_server: PrivatePostgres) -> str:
    return postgres_server.create_database(f"t{next(_numbers)}")
