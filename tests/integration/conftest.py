"""Servers for integration tests: one of each for the whole session, a clean slate per test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from logforest.queues.redis_streams import RedisLog
from logforest.stores.postgres import PostgresStore
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


@pytest.fixture
def queue(redis_url: str) -> RedisLog:
    """The queue, with the group of the store workers."""
    queue = RedisLog(redis_url)
    queue.create_group("store")
    return queue


@pytest.fixture
def store(dsn: str) -> Iterator[PostgresStore]:
    """A store in a database of its own."""
    with PostgresStore(dsn) as store:
        store.ping()
        yield store
