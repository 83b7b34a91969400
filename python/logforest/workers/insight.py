"""The insight worker. No language model is connected yet: what would be asked is written down.

Entries only wake it up: new templates are already in the store, so nothing is read or parsed
again.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

from logforest.errors import QueueError, StoreError
from logforest.workers.base import WorkerOptions, consumer_name, heartbeat_key

if TYPE_CHECKING:
    from logforest.queues.redis_streams import RedisLog
    from logforest.stores.postgres import PostgresStore

__all__ = ["InsightWorker"]

log = logging.getLogger("logforest.worker.insight")

_ENTRIES = 1000


class InsightWorker:
    """Each new template gets one row in ``insights`` with the status ``disabled``."""

    group = "insight"

    def __init__(self, log_: RedisLog, store: PostgresStore, options: WorkerOptions) -> None:
        self.log = log_
        self.store = store
        self.options = options
        self.consumer = consumer_name()
        self.done_entries = 0
        self.noted = 0
        self.last_error: str | None = None
        self._stop = threading.Event()

    def stop(self) -> None:
        """End after the current round."""
        self._stop.set()

    def run(self) -> None:
        """Work until :meth:`stop`."""
        beat_at = claim_at = 0.0
        while not self._stop.is_set():
            busy = False
            try:
                now = time.monotonic()
                if now - beat_at > min(5.0, self.options.claim_after):
                    self._beat()
                    beat_at = now
                ids = self.log.skim(self.group, self.consumer, _ENTRIES)
                if now - claim_at > self.options.claim_after / 2:
                    ids += self.log.claim_ids(self.group, self.consumer, self.options.claim_after)
                    claim_at = now
                if ids:
                    self.noted += self.store.note_templates("disabled")
                    self.log.acknowledge_ids(self.group, ids)
                    self.done_entries += len(ids)
                busy = len(ids) >= _ENTRIES
                self.last_error = None
            except (QueueError, StoreError) as error:
                # What was taken and not acknowledged is claimed again later.
                if str(error) != self.last_error:
                    log.warning("insight worker: %s", error)
                self.last_error = str(error)
            if not busy:
                self._stop.wait(self.options.block_seconds)
        try:
            self.log.client.command("HDEL", heartbeat_key(self.log.stream), self.consumer)
        except QueueError as error:
            log.warning("insight worker did not sign off: %s", error)

    def _beat(self) -> None:
        state = {
            "group": self.group, "pid": os.getpid(), "host": socket.gethostname(),
            "at": time.time(), "entries": self.done_entries, "templates": self.noted,
            "error": self.last_error,
        }  # fmt: skip
        self.log.client.command(
            "HSET", heartbeat_key(self.log.stream), self.consumer, json.dumps(state)
        )
