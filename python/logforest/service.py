"""What a running service is made of, whatever the profile; the HTTP side sees only this."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from logforest.cache import Cache
from logforest.live import Hub
from logforest.metrics import Metrics
from logforest.queues.base import Answer, Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from logforest.queues.base import Queue
    from logforest.settings import Settings
    from logforest.stores.base import Store

__all__ = ["Service", "open_service"]


@dataclass
class Service:
    """A store, a queue in front of it, live fan-out and metrics.

    ``checks`` are called for ``/health``: name -> function that returns None when well, otherwise
    what is wrong.
    """

    settings: Settings
    store: Store
    queue: Queue
    hub: Hub
    metrics: Metrics
    direct: Queue | None = None  # synchronous writes, where they take another way
    cache: Cache = field(default_factory=Cache)
    checks: dict[str, Callable[[], str | None]] = field(default_factory=dict)
    # Checks that do not stop records from being taken in: degraded, but ready.
    optional: frozenset[str] = frozenset()
    started: float = field(default_factory=time.time)
    draining: bool = False
    on_close: list[Callable[[], None]] = field(default_factory=list)

    @property
    def version(self) -> object:
        """Of the store's contents, for caches."""
        return getattr(self.store, "version", None)

    async def take(self, body: bytes, *, direct: bool = False, **fields: Any) -> Answer:
        """Queue a body and wait for its answer; ``fields`` as of :class:`Submission`.

        ``direct``: answered after the commit, whatever the profile.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        queue = self.direct if direct and self.direct is not None else self.queue
        queue.submit(
            Submission(body=body, future=future, received_us=time.time_ns() // 1000, **fields)
        )
        answer = await future
        if not answer.repeated:
            self.metrics.accepted.inc(answer.accepted)
            if answer.rejected_total:
                self.metrics.rejected.inc(answer.rejected_total)
        return answer

    def health(self) -> dict[str, object]:
        """The state of every part; ``status`` is ok or degraded."""
        parts: dict[str, object] = {}
        well = True
        for name, check in self.checks.items():
            problem = check()
            well = well and problem is None
            parts[name] = (
                {"status": "ok"}
                if problem is None
                else {
                    "status": "failing",
                    "detail": problem,
                }
            )
        status = self.queue.status()
        return {
            "status": "draining" if self.draining else "ok" if well else "degraded",
            "services": parts,
            "uptime_seconds": round(time.time() - self.started, 3),
            "requests_per_second": self.metrics.request_rate(),
            "error_rate": self.metrics.error_rate(),
            "queue": {"waiting": status.waiting, "bytes": status.waiting_bytes},
            "lag": status.lag,
            "profile": self.settings.profile,
        }

    def announce(self, url: str) -> None:
        """Say under which address this service is reached (for who finds the store held)."""
        file = getattr(self.store, "file", None)
        if file is not None:
            file.announce(url)

    def close(self) -> None:
        """Drain and release everything; idempotent."""
        self.draining = True
        self.queue.close(timeout=self.settings.drain_seconds)
        if self.direct is not None:
            self.direct.close(timeout=self.settings.drain_seconds)
        self.hub.close()
        self.store.close()
        while self.on_close:
            self.on_close.pop()()


def open_service(settings: Settings, *, workers: bool = True) -> Service:
    """Start what the settings describe: a module of ``logforest.profiles`` each.

    Parameters
    ----------
    workers
        Also run the stages behind the queue in this process; the embedded profile always does.

    Raises
    ------
    StoreError, QueueError
        The store or queue cannot be opened; the message says what to do.
    """
    import importlib

    profile = importlib.import_module(f"logforest.profiles.{settings.profile}")
    service: Service = profile.open_service(settings, workers=workers)
    return service
