"""A store worker in the test's own process, and blocks for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from logforest.queues.redis_entries import Added, NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.stores.postgres import PostgresStore
from logforest.workers.base import WorkerOptions
from logforest.workers.store import StoreWorker

OPTIONS = WorkerOptions(claim_after=0.6, block_seconds=0.1, max_retries=3)


def lines(n: int, name: str = "m") -> bytes:
    return b"\n".join(
        json.dumps({"message": f"{name} {i}", "level": "error", "user": i}).encode()
        for i in range(n)
    )


def add(queue: RedisLog, data: bytes, count: int, **fields: str) -> Added:
    result = queue.add([NewBlock(data, count, format="json", **fields)])[0]  # type: ignore[arg-type]
    assert isinstance(result, Added), result
    return result


@contextmanager
def working(queue: RedisLog, store: PostgresStore) -> Iterator[StoreWorker]:
    worker = StoreWorker(queue, store, OPTIONS)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(240)
        assert not thread.is_alive()


def drained(queue: RedisLog) -> bool:
    groups = queue.status()["groups"]
    assert isinstance(groups, dict)
    return groups["store"]["waiting_entries"] == 0
