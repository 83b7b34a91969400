"""Makes the worker of a role out of the settings; waits for the servers to be there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from random import uniform
from typing import TYPE_CHECKING, Any

from logforest.errors import QueueError, StoreError

if TYPE_CHECKING:
    from logforest.settings import Settings

__all__ = ["make_worker"]

log = logging.getLogger("logforest.worker")


def make_worker(
    role: str,
    settings: Settings,
    *,
    batch_size: int,
    max_retries: int,
    claim_after: float,
    ended: Callable[[], bool],
) -> Any:
    """A worker that is ready to run; None when ``ended`` came true while a server was away.

    Raises:
        ConfigError: an address is wrong, or Redis would throw acknowledged entries away.
    """
    from logforest.queues.redis_streams import RedisLog
    from logforest.stores.postgres import PostgresStore
    from logforest.workers.base import WorkerOptions

    options = WorkerOptions(batch_size=batch_size, max_retries=max_retries, claim_after=claim_after)
    name = f"logforest-{role}"
    attempt = 0
    while not ended():
        try:
            queue = RedisLog(
                str(settings.redis),
                pool_size=settings.redis_pool,
                connect_timeout=settings.connect_seconds,
                command_timeout=settings.redis_seconds,
                name=name,
            )
            for warning in queue.check():
                log.warning("%s", warning)
            if role != "alert":
                queue.create_group(role)
            store = PostgresStore(
                str(settings.postgres),
                replica=settings.postgres_replica,
                pool_size=settings.postgres_pool,
                connect_timeout=settings.connect_seconds,
                command_timeout=settings.postgres_seconds,
                name=name,
            )
            store.ping()  # a wrong schema ends the worker before it takes a block
            break
        except (QueueError, StoreError) as error:
            if not error.retryable:
                raise
            log.warning("waiting for the servers: %s", error)
            time.sleep(uniform(0.05, min(5.0, 0.1 * 2**attempt)))
            attempt = min(attempt + 1, 8)
    else:
        return None
    if role == "store":
        from logforest.workers.store import StoreWorker

        return StoreWorker(queue, store, options)
    if role == "detect":
        from logforest.detection import Detector
        from logforest.workers.detect import DetectWorker

        return DetectWorker(queue, store, options, Detector())
    if role == "alert":
        from logforest.workers.alert import AlertWorker

        return AlertWorker(queue, store)
    from logforest.workers.insight import InsightWorker

    return InsightWorker(queue, store, options)
