"""The alert worker: anomalies and losses become alerts and outbox rows in one transaction."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import orjson

from logforest.errors import QueueError, StoreError
from logforest.workers.base import consumer_name, heartbeat_key

if TYPE_CHECKING:
    from logforest.queues.redis_streams import RedisLog
    from logforest.stores.postgres import PostgresStore

__all__ = ["AlertWorker"]

log = logging.getLogger("logforest.worker.alert")
outbox = logging.getLogger("logforest.alerts")

_BATCH = 1000


class AlertWorker:
    """Reads no stream: what it works on is marked in the store, so any number may run.

    Args:
        severities: of anomalies that raise an alert.
        channels: where a new alert is announced; this release has ``log``.
    """

    group = "alert"

    def __init__(
        self,
        log_: RedisLog,
        store: PostgresStore,
        *,
        severities: tuple[str, ...] = ("HIGH", "CRITICAL"),
        channels: tuple[str, ...] = ("log",),
        poll_seconds: float = 1.0,
    ) -> None:
        self.log = log_
        self.store = store
        self.severities = severities
        self.channels = channels
        self.consumer = consumer_name()
        self.raised = 0
        self.sent = 0
        self.last_error: str | None = None
        self._poll = poll_seconds
        self._stop = threading.Event()

    def stop(self) -> None:
        """End after the current round."""
        self._stop.set()

    def run(self) -> None:
        """Work until :meth:`stop`."""
        beat_at = 0.0
        while not self._stop.is_set():
            busy = False
            try:
                busy = self.step()
                self.last_error = None
            except (StoreError, QueueError) as error:
                if str(error) != self.last_error:
                    log.warning("alert worker: %s", error)
                self.last_error = str(error)
            if time.monotonic() - beat_at > 5:
                beat_at = time.monotonic()
                self._beat()
            if not busy:
                self._stop.wait(self._poll)
        self._beat(leave=True)

    def step(self) -> bool:
        """One round; True when there may be more to do at once."""
        seen, alerts = self.store.raise_alerts(_BATCH, self.severities, self.channels)
        alerts += self.store.raise_loss_alerts(self.channels)
        self.raised += len(alerts)
        self.sent += self.store.drain_outbox("log", _announce)
        if alerts:
            try:
                self.log.publish("alerts", orjson.dumps(alerts, default=str))
            except QueueError as error:
                log.warning("not shown to live listeners: %s", error)
        return seen == _BATCH

    def _beat(self, *, leave: bool = False) -> None:
        state = {
            "group": self.group, "pid": os.getpid(), "host": socket.gethostname(),
            "at": time.time(), "alerts": self.raised, "sent": self.sent, "error": self.last_error,
        }  # fmt: skip
        key = heartbeat_key(self.log.stream)
        try:
            if leave:
                self.log.client.command("HDEL", key, self.consumer)
            else:
                self.log.client.command("HSET", key, self.consumer, json.dumps(state))
        except QueueError as error:
            self.last_error = str(error)


def _announce(payload: str) -> None:
    outbox.warning("alert %s", payload)
