"""The loop that every stream worker runs.

Entries are read by a thread of its own while others work (``prepare`` beside ``finish``).
Nothing is acknowledged before it is done; what a dead worker held is claimed by the living;
what cannot be processed goes to the dead letters with the reason, and never holds up the rest.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import uniform
from typing import TYPE_CHECKING, Any

from logforest.errors import LogforestError, QueueError, StoreError

if TYPE_CHECKING:
    from logforest._core import StreamItem
    from logforest.queues.redis_streams import RedisLog
    from logforest.stores.postgres import PostgresStore

__all__ = ["StreamWorker", "WorkerOptions", "heartbeat_key", "traced"]

log = logging.getLogger("logforest.worker")

_MAX_PAUSE = 5.0
_HOUSEKEEPING_SECONDS = 5.0
_READ_ENTRIES = 512


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker works."""

    batch_size: int = 10_000  # records in one transaction, about
    batch_bytes: int = 8 << 20
    max_retries: int = 5  # deliveries before an entry goes to the dead letters
    claim_after: float = 30.0  # seconds of silence after which a peer counts as dead
    block_seconds: float = 0.5  # longest wait for entries


def heartbeat_key(stream: str) -> str:
    """The hash of living workers: name -> JSON."""
    return f"{stream}:workers"


def traced(item: StreamItem) -> str:
    """The requests that brought an entry, for the log (W3C Trace Context)."""
    return f" [traceparent {item.trace}]" if item.trace else ""


def consumer_name() -> str:
    """Unique for each process: a name is never used by two."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class StreamWorker:
    """One consumer of one group; subclasses say what is done with entries."""

    group = ""
    finishers = 1  # threads that call ``finish``; more than one: order must not matter

    def __init__(self, log_: RedisLog, store: PostgresStore, options: WorkerOptions) -> None:
        self.log = log_
        self.store = store
        self.options = options
        self.consumer = consumer_name()
        self.done_records = 0
        self.done_entries = 0
        self.buried = 0
        self.lost = 0
        self.last_error: str | None = None
        self._stop = threading.Event()
        self._held: dict[str, StreamItem] = {}
        self._held_lock = threading.Lock()
        self._broken: Exception | None = None
        self._ready: queue.Queue[tuple[int, list[StreamItem], Any] | None] = queue.Queue(maxsize=1)
        self._offered = 0

    # --- what subclasses do --------------------------------------------------------------

    def prepare(self, items: Sequence[StreamItem]) -> Any:
        """Work that needs no server and no order; runs beside ``finish`` of what came before."""
        raise NotImplementedError

    def finish(self, items: Sequence[StreamItem], prepared: Any) -> None:
        """Make the effect of these entries lasting; repeats of an entry must be harmless."""
        raise NotImplementedError

    def isolate(self, item: StreamItem, error: Exception) -> bool:
        """Land what can be landed of an entry that was refused; False: bury all of it."""
        del item, error
        return False

    def done_with(self, number: int) -> None:
        """After the last ``finish`` for what was read as the ``number``-th, in the same thread."""

    # --- the loop ------------------------------------------------------------------------

    def stop(self) -> None:
        """Finish what is held and end (signal handlers call this)."""
        self._stop.set()

    def run(self) -> None:
        """Work until :meth:`stop`."""
        helpers = [
            threading.Thread(target=self._beat, name="lf-heartbeat", daemon=True),
            threading.Thread(target=self._read_loop, name="lf-read", daemon=True),
            threading.Thread(target=self._fence, name="lf-fence", daemon=True),
        ]
        if self.group == "store":
            # Apart from the heartbeat: it may wait for locks. Daemonic: never waited for.
            threading.Thread(target=self._maintain, name="lf-maintain", daemon=True).start()
        finishers = [
            threading.Thread(target=self._work_loop, name=f"lf-work-{n}", daemon=True)
            for n in range(1, self.finishers)
        ]
        for thread in (*helpers, *finishers):
            thread.start()
        self._work_loop()
        for thread in finishers:
            thread.join()
        for thread in helpers:
            thread.join(5)
        if self._broken is not None:
            raise self._broken
        self._leave()

    def _work_loop(self) -> None:
        while True:
            try:
                taken = self._ready.get(timeout=0.2)
            except queue.Empty:
                continue
            if taken is None:
                self._ready.put(None)  # for the other finishers
                return
            number, items, prepared = taken
            try:
                self._work(items, prepared)
                self.done_with(number)
            except Exception as error:  # ends this process, whichever thread it was
                self._release(items)  # others will claim them
                self._broken = error
                self._stop.set()

    def _pause(self, attempt: int) -> None:
        self._stop.wait(uniform(0.02, min(_MAX_PAUSE, 0.05 * 2 ** min(attempt, 10))))

    # --- reading -------------------------------------------------------------------------

    def _read_loop(self) -> None:
        failures = 0
        claimed_at = 0.0
        entries = 8
        while not self._stop.is_set():
            try:
                if time.monotonic() - claimed_at > self.options.claim_after / 2:
                    self._claim()
                    claimed_at = time.monotonic()
                items = self.log.read(
                    self.group, self.consumer, entries, self.options.block_seconds
                ).items
                if items:
                    entries = self._entries_to_read(items, entries)
                    self._hold(items)
                    for portion in self._portions(items):
                        self._offer(portion)
                failures = 0
            except QueueError as error:
                self._failed(error)
                if not error.retryable and error.code not in ("NOGROUP", "UNBLOCKED"):
                    log.error("%s worker: %s", self.group, error)
                self._pause(failures)
                failures += 1
            except Exception as error:  # whatever it is: a worker that no longer reads is no worker
                self._failed(error)
                self._pause(failures)
                failures += 1
        self._ready.put(None)

    def _entries_to_read(self, items: Sequence[StreamItem], asked: int) -> int:
        """As many entries as one transaction is likely to take."""
        read = sum(len(item.entry_ids) for item in items)
        per_entry = max(1.0, sum(item.count for item in items) / read)
        bytes_per_entry = max(1.0, sum(item.size for item in items) / read)
        wanted = min(
            self.options.batch_size / per_entry, self.options.batch_bytes / bytes_per_entry
        )
        return max(1, min(_READ_ENTRIES, int(wanted), asked * 2))

    def _portions(self, items: Sequence[StreamItem]) -> Iterator[list[StreamItem]]:
        """Items that are held decompressed at once: a small reply may hold very much."""
        portion: list[StreamItem] = []
        size = 0
        for item in items:
            if portion and size + item.size > 2 * self.options.batch_bytes:
                yield portion
                portion, size = [], 0
            portion.append(item)
            size += item.size
        if portion:
            yield portion

    def _hold(self, items: Sequence[StreamItem]) -> None:
        with self._held_lock:
            for item in items:
                self._held[item.entry_ids[0]] = item

    def _offer(self, items: list[StreamItem]) -> None:
        try:
            prepared: Any = self.prepare(items)
        except Exception as error:  # told apart item by item in the working thread
            prepared = error
        number, self._offered = self._offered, self._offered + 1
        while True:
            try:
                self._ready.put((number, items, prepared), timeout=0.5)
                return
            except queue.Full:
                continue

    def _claim(self) -> None:
        cursor = "0-0"
        while not self._stop.is_set():
            read = self.log.claim(self.group, self.consumer, self.options.claim_after, cursor, 64)
            if read.lost:
                self._report_lost(read.lost)
            fresh = [i for i in read.items if i.entry_ids[0] not in self._held]
            if fresh:
                self._offer_claimed(fresh)
            cursor = read.cursor
            if cursor in ("", "0-0"):
                return

    def _offer_claimed(self, items: list[StreamItem]) -> None:
        counts = self.log.deliveries(self.group, [i.entry_ids[0] for i in items])
        worn = [i for i in items if counts.get(i.entry_ids[0], 0) > self.options.max_retries]
        for item in worn:
            n = counts[item.entry_ids[0]]
            self._bury(
                item, f"given up after {n} deliveries: its workers ended before it was done", n
            )
        rest = [i for i in items if i not in worn]
        self._hold(rest)
        # Each for itself: whatever ended their worker must not take the others with it.
        for item in rest:
            self._offer([item])

    def _report_lost(self, entry_ids: list[str]) -> None:
        self.lost += len(entry_ids)
        log.error(
            "Redis lost %d entries before group %s was done with them: %s",
            len(entry_ids), self.group, ", ".join(entry_ids[:20]),
        )  # fmt: skip
        self.store.add_lost(self.group, entry_ids)

    # --- working -------------------------------------------------------------------------

    def _work(self, items: list[StreamItem], prepared: Any) -> None:
        attempt = 0
        while True:
            try:
                if isinstance(prepared, Exception):
                    raise prepared
                self.finish(items, prepared)
                self.last_error = None
                break
            except (StoreError, QueueError) as error:
                self._failed(error)
                if not error.blames_server:
                    self._one_by_one(items, error)
                    return
                if self._stop.is_set() and attempt >= 3:
                    self._release(items)  # others will claim them
                    return
                self._pause(attempt)
                attempt += 1
            except Exception as error:
                self._failed(error)
                self._one_by_one(items, error)
                return
        self._acknowledge(items)

    def _one_by_one(self, items: list[StreamItem], error: Exception) -> None:
        if len(items) > 1:
            for item in items:
                try:
                    prepared: Any = self.prepare([item])
                except Exception as single:
                    prepared = single
                self._work([item], prepared)
            return
        item = items[0]
        reason = f"{type(error).__name__}: {error}"
        try:
            landed = self.isolate(item, error)
        except (StoreError, QueueError) as trouble:
            if trouble.blames_server:
                if self._stop.is_set():
                    self._release(items)  # others will claim it
                    return
                self._pause(3)
                self._one_by_one(items, error)
                return
            landed = False
            reason = f"{type(trouble).__name__}: {trouble}"
        if landed:
            self._acknowledge(items)
        else:
            self._bury(item, reason, 1)

    def _acknowledge(self, items: Sequence[StreamItem]) -> None:
        attempt = 0
        while True:
            try:
                self.log.acknowledge(self.group, items)
                break
            except QueueError as error:
                self._failed(error)
                # Not acknowledged means delivered again, which is harmless: nothing is lost.
                if not error.retryable or (self._stop.is_set() and attempt >= 3) or attempt > 20:
                    break
                self._pause(attempt)
                attempt += 1
        self._release(items)
        if log.isEnabledFor(logging.DEBUG):
            for item in items:
                if item.trace:
                    log.debug("%s worker: block %s done%s", self.group, item.key, traced(item))
        self._count(
            entries=sum(len(item.entry_ids) for item in items),
            records=sum(item.count for item in items),
        )

    def _count(self, *, entries: int = 0, records: int = 0, buried: int = 0) -> None:
        with self._held_lock:
            self.done_entries += entries
            self.done_records += records
            self.buried += buried

    def _bury(self, item: StreamItem, reason: str, deliveries: int) -> None:
        log.error(
            "%s worker: entry %s to the dead letters: %s%s",
            self.group, item.entry_ids[0], reason, traced(item),
        )  # fmt: skip
        for entry_id in item.entry_ids:
            self.log.bury(self.group, entry_id, item.count if item.block else 0, reason, deliveries)
            self._count(buried=1)
        self._release([item])

    def _release(self, items: Sequence[StreamItem]) -> None:
        with self._held_lock:
            for item in items:
                self._held.pop(item.entry_ids[0], None)

    def _failed(self, error: Exception) -> None:
        text = str(error)
        if text != self.last_error:
            expected = isinstance(error, LogforestError)
            log.warning("%s worker: %s", self.group, text, exc_info=not expected)
        self.last_error = text

    # --- signs of life -------------------------------------------------------------------

    def _beat(self) -> None:
        """Renews the claim on what is held and tells that we live."""
        interval = min(self.options.claim_after / 3, _HOUSEKEEPING_SECONDS)
        while True:
            ended = self._stop.wait(interval)
            try:
                with self._held_lock:
                    ids = [i for item in self._held.values() for i in item.entry_ids]
                self.log.keep(self.group, self.consumer, ids)
                self.log.client.command(
                    "HSET", heartbeat_key(self.log.stream), self.consumer, json.dumps(self.state())
                )
            except (QueueError, StoreError) as error:
                self._failed(error)
            except Exception:
                log.exception("housekeeping")
            if ended and not ids:
                return
            if ended:
                time.sleep(min(interval, 0.2))

    def _maintain(self) -> None:
        """Removes what every group has acknowledged; housekeeping of the store."""
        while not self._stop.wait(_HOUSEKEEPING_SECONDS):
            try:
                self.log.trim()
                self.store.maintain(idle=False)
            except (QueueError, StoreError) as error:
                log.warning("housekeeping: %s", error)
            except Exception:
                log.exception("housekeeping")

    def _fence(self) -> None:
        """Takes the locks from peers that stopped in a transaction; apart, since all else waits."""
        while not self._stop.wait(self.options.claim_after / 2):
            try:
                for peer in self.store.fence(self.options.claim_after):
                    log.warning("cut off %s: it stopped in a transaction that others need", peer)
            except StoreError as error:
                log.debug("fence: %s", error)
            except Exception:
                log.exception("fence")

    def state(self) -> dict[str, object]:
        """For ``logforest worker check``."""
        return {
            "group": self.group,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "at": time.time(),
            "entries": self.done_entries,
            "records": self.done_records,
            "held": len(self._held),
            "buried": self.buried,
            "lost": self.lost,
            "error": self.last_error,
        }

    def _leave(self) -> None:
        """Sign off. A consumer that still owes entries stays, or they would be forgotten."""
        try:
            self.log.client.command("HDEL", heartbeat_key(self.log.stream), self.consumer)
            owed = self.log.client.command(
                "XPENDING", self.log.stream, self.group, "-", "+", 1, self.consumer
            )
            if not owed:
                self.log.client.command(
                    "XGROUP", "DELCONSUMER", self.log.stream, self.group, self.consumer
                )
        except QueueError as error:
            log.warning("%s worker did not sign off: %s", self.group, error)
