"""The server profile: Redis in front, Postgres behind, workers as processes of their own."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import ConfigError, LogforestError, QueueError
from logforest.live import TOPICS, Hub
from logforest.metrics import Metrics
from logforest.pipeline.embedded import EmbeddedPipeline
from logforest.pipeline.server import ServerPipeline
from logforest.queues.redis_entries import NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.service import Service
from logforest.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from logforest.settings import Settings

__all__ = ["open_service"]

log = logging.getLogger("logforest.server")

_CONNECT_SECONDS = 30.0  # longer than an attempt to connect takes


def open_service(settings: Settings, *, workers: bool = True) -> Service:
    """HTTP side of the server profile; with ``workers`` one process of each role beside it.

    Neither server needs to be there at the start: requests answer 503 until they are.

    Raises:
        ConfigError: an address is missing or wrong, or Redis would evict what it acknowledged.
    """
    if settings.redis is None or settings.postgres is None:
        raise ConfigError("--profile server needs --redis and --postgres (or LOGFOREST_*)")
    queue = RedisLog(
        settings.redis,
        max_lag=settings.max_lag,
        max_entries=settings.max_entries,
        pool_size=settings.redis_pool,
        connect_timeout=settings.connect_seconds,
        command_timeout=settings.redis_seconds,
        name="logforest-api",
    )
    down = None
    try:
        for warning in queue.check():
            log.warning("%s", warning)
        for group in ("store", "detect"):
            queue.create_group(group)
    except QueueError as error:
        down = str(error)
        log.warning("Redis is not there yet: %s", error)
    store = PostgresStore(
        settings.postgres,
        replica=settings.postgres_replica,
        pool_size=settings.postgres_pool,
        replica_pool_size=settings.postgres_pool,
        connect_timeout=settings.connect_seconds,
        command_timeout=settings.postgres_seconds,
        name="logforest-api",
    )
    if (problem := _problem(store.ping)) is not None:
        log.warning("Postgres is not there yet: %s", problem)
    hub = Hub()
    metrics = Metrics()
    pipeline = ServerPipeline(queue, queue_bytes=settings.queue_mb << 20, down=down)
    # Writes that do not go through Redis: the direct route works while Redis is away.
    direct = EmbeddedPipeline(
        store,
        queue_bytes=settings.queue_mb << 20,
        max_lag=settings.max_lag,
        on_commit=lambda logs: _tell_detection(queue, logs),
    )
    service = Service(settings, store, pipeline, hub, metrics, direct=direct)
    service.checks["redis"] = lambda: pipeline.last_error
    service.checks["postgres"] = lambda: _problem(store.ping)
    if settings.postgres_replica:
        service.checks["postgres_replica"] = lambda: _problem(store.ping_replica)
    service.checks["pipeline"] = lambda: None if pipeline.alive else "a stage has ended"
    service.optional = frozenset({"redis", "postgres", "postgres_replica"})
    service.checks["intake"] = lambda: (
        "neither Redis nor Postgres can be reached"
        if pipeline.last_error is not None and _problem(store.ping) is not None
        else None
    )
    listener = _Listener(queue, hub)
    service.on_close += [listener.close, queue.close]
    if workers:
        service.on_close.append(_start_workers(settings))
    metrics.watch(service)
    return service


def _problem(ping: Callable[[], None]) -> str | None:
    try:
        ping()
    except LogforestError as error:
        return str(error)
    return None


def _tell_detection(queue: RedisLog, logs: LogBatch) -> None:
    """Records that were stored directly are scored too: the store worker knows their key."""
    table = pa.table(logs._core)
    first = table["id"][0].as_py()
    block = NewBlock(
        _core.render_ndjson(logs._core), logs.num_rows, format="json", key=f"g{first}",
        tenant=table["tenant"][0].as_py(),
    )  # fmt: skip
    try:
        queue.add_stored(block, first)
    except QueueError as error:
        log.warning("%d directly stored records are not scored: %s", logs.num_rows, error)


def _start_workers(settings: Settings) -> Callable[[], None]:
    from logforest.workers.supervisor import ROLES, Supervisor, addresses, worker_commands

    supervisor = Supervisor(
        worker_commands(ROLES, settings.workers), environment=addresses(settings),
        grace=settings.drain_seconds,
    )  # fmt: skip
    thread = threading.Thread(target=supervisor.run, name="lf-supervisor", daemon=True)
    thread.start()

    def end() -> None:
        supervisor.stop()
        thread.join(settings.drain_seconds + 5)

    return end


class _Listener:
    """What any process publishes in Redis, to this process's live subscribers.

    Records are asked for only while somebody watches: workers publish none that nobody hears.
    """

    def __init__(self, queue: RedisLog, hub: Hub) -> None:
        self._queue = queue
        self._hub = hub
        self._closed = threading.Event()
        hub.fed.clear()
        quiet = [topic for topic in TOPICS if topic != "new_logs"]
        self._threads = [
            threading.Thread(target=self._run, args=arguments, name="lf-listen", daemon=True)
            for arguments in ((quiet, False), (["new_logs"], True))
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closed.set()
        self._hub.watched.set()
        # A thread that still waits for Redis inside the core when the interpreter ends aborts the
        # process; such waits end by themselves.
        deadline = time.monotonic() + _CONNECT_SECONDS
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))

    def _run(self, topics: list[str], only_watched: bool) -> None:
        watched = self._hub.watched
        while not self._closed.is_set():
            if only_watched and not watched.wait(1.0):
                continue
            try:
                subscription = _core.RedisSubscription(self._queue.client, topics)
                if only_watched:
                    self._hub.fed.set()
                while not self._closed.is_set() and (watched.is_set() or not only_watched):
                    message = subscription.next(0.5)
                    if message is not None:
                        self._show(*message)
            except QueueError as error:
                log.debug("live updates pause: %s", error)
                self._closed.wait(1.0)
            except Exception:
                log.exception("a live update was not understood")
            finally:
                if only_watched:
                    self._hub.fed.clear()

    def _show(self, topic: str, payload: bytes) -> None:
        if not self._hub.subscribers:
            return
        if topic == "new_logs":
            table = pa.ipc.open_stream(pa.py_buffer(payload)).read_all()
            self._hub.publish_logs(LogBatch.from_arrow(table.combine_chunks()))
        else:
            self._hub.publish(topic, orjson.loads(payload))
