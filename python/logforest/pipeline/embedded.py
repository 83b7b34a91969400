"""The embedded pipeline: bounded queue -> prepare -> group commit -> detection, in threads.

Requests that arrive while a group is stored form the next one: one parse, one fsync for all of
them, and every request is answered after its own. Groups go to the store's journal; those that
bring more than records, and all where there is no journal, into a transaction each; while one
is being stored the next is being prepared. Detection follows behind and never delays an answer;
what it has not scored when the process dies is scored after the next start.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from logforest.errors import ConfigError, LogforestError, StoreError
from logforest.pipeline.detection import Detection
from logforest.pipeline.group import Group, prepare_group
from logforest.pipeline.receipts import Outcome, ReceiptBook, resolve
from logforest.pipeline.templates import TemplateKeeper
from logforest.queues.base import QueueFull, QueueStatus, Submission
from logforest.queues.embedded import EmbeddedQueue

if TYPE_CHECKING:
    from logforest.batch import LogBatch
    from logforest.pipeline.detection import Scorer
    from logforest.pipeline.detector_file import DetectorFile
    from logforest.stores.base import Store

__all__ = ["EmbeddedPipeline", "Journaling"]

log = logging.getLogger("logforest.pipeline")

# Of one group: large enough that fsync and transaction cost nothing per record, small enough
# that an answer takes a tenth of a second.
_GROUP_BYTES = 8 << 20
_GROUP_ITEMS = 4096
# Smaller groups are committed where they were prepared: to pass them on costs more than it saves.
_INLINE_BYTES = 1 << 19
_IDLE_SECONDS = 0.5


class Journaling(Protocol):
    """A store with a journal; see :class:`logforest.stores.duckdb.DuckDBStore`."""

    def commit_soon(
        self,
        logs: LogBatch,
        last_id: int,
        then: Callable[[LogBatch, int], None] | None = None,
        done: Callable[[], None] | None = None,
    ) -> bool:
        """Store: durable when this returns True; ``then`` is called soon, ``done`` when the tables
        have it."""

    def settle(self) -> None:
        """Have the tables have it, and ``then`` called."""


class EmbeddedPipeline:
    """Runs until :meth:`close`. Implements :class:`logforest.queues.base.Queue`.

    Parameters
    ----------
    store
        Where records go; closed by the caller, after the pipeline.
    scorer
        Finds anomalies in committed batches; None: no detection.
    queue_bytes
        Bodies held at once before requests are turned away (429), in bytes.
    max_lag
        Records committed but not yet scored before requests are turned away.
    on_commit, on_anomalies
        Called after a commit with what was committed, from the pipeline's threads.
    detector_file
        Where ``scorer`` is kept across starts; None: it learns anew from stored records.
    journal
        ``store``, where it can take groups faster than by a commit each.
    """

    def __init__(
        self,
        store: Store,
        *,
        scorer: Scorer | None = None,
        queue_bytes: int = 64 << 20,
        max_lag: int = 2_000_000,
        on_commit: Callable[[LogBatch], None] | None = None,
        on_anomalies: Callable[[object], None] | None = None,
        detector_file: DetectorFile | None = None,
        journal: Journaling | None = None,
    ) -> None:
        self.store = store
        self._journal = journal
        self.max_lag = max_lag
        self.committed_groups = 0
        self.committed_records = 0
        self.last_error: str | None = None
        self._queue = EmbeddedQueue(queue_bytes)
        self._prepared: queue.Queue[Group | None] = queue.Queue(maxsize=1)
        self._book = ReceiptBook(store)
        self._on_commit = on_commit
        self._answer_lock = threading.Lock()
        self._ahead = 0  # groups on their way through the commit thread
        self._ahead_lock = threading.Lock()
        self.detection = Detection(store, scorer, on_anomalies, detector_file)
        self._templates = TemplateKeeper(store)
        self._threads = [
            threading.Thread(target=self._prepare_loop, name="lf-prepare", daemon=True),
            threading.Thread(target=self._commit_loop, name="lf-commit", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # --- the queue -----------------------------------------------------------------------

    def submit(self, submission: Submission) -> None:
        """Take it, or raise QueueFull at once."""
        behind = self.detection.pressure
        if behind > self.max_lag:
            raise QueueFull(f"detection is {behind} records behind", retry_after=2)
        self._queue.put(submission)

    def status(self) -> QueueStatus:
        """How much waits."""
        waiting, waiting_bytes = self._queue.held
        return QueueStatus(
            waiting=waiting,
            waiting_bytes=waiting_bytes,
            capacity_bytes=self._queue.max_bytes,
            lag=self.detection.lag,
            details={"groups": self.committed_groups, "records": self.committed_records},
        )

    @property
    def alive(self) -> bool:
        """All stages run."""
        return all(thread.is_alive() for thread in self._threads) and self.detection.alive

    def close(self, *, timeout: float = 30.0) -> None:
        """Take nothing more, finish what was taken, let detection catch up; idempotent."""
        deadline = time.monotonic() + timeout
        self._queue.close()
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        if self._journal is not None:
            try:
                self._journal.settle()  # detection is to see it
            except StoreError as error:
                log.error("%s", error)
        self.detection.close(timeout=max(0.1, deadline - time.monotonic()))
        self._templates.close(timeout=max(0.1, deadline - time.monotonic()))

    # --- stages --------------------------------------------------------------------------

    def _prepare_loop(self) -> None:
        expected = 1
        while not self._queue.closed:
            taken = self._queue.take(_GROUP_BYTES, _GROUP_ITEMS, timeout=0.2, expected=expected)
            if not taken:
                expected = 1
                continue
            expected = len(taken) * 3 // 4
            self.detection.give_time()
            try:
                fresh = self._book.sift(taken, self._answer)
                if fresh:
                    self._store_group(fresh, small=sum(len(s.body) for s in taken) < _INLINE_BYTES)
            except Exception as error:
                self._fail(taken, error)
        self._prepared.put(None)

    def _hand_over(self, group: Group) -> None:
        with self._ahead_lock:
            self._ahead += 1
        self._prepared.put(group)

    def _nothing_ahead(self) -> bool:
        """Groups are committed in the order of their ids, whichever thread does it."""
        with self._ahead_lock:
            return self._ahead == 0

    def _commit_loop(self) -> None:
        while True:
            try:
                group = self._prepared.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                self._maintain(idle=not self._queue.held[0])
                continue
            if group is None:
                return
            self._commit_one(group)
            with self._ahead_lock:
                self._ahead -= 1

    def _store_group(self, submissions: list[Submission], *, small: bool) -> None:
        group = prepare_group(submissions, self.store.reserve_ids)
        if not self._for_journal(group):
            group.aggregate()
        if small and self._nothing_ahead():
            self._commit_one(group)
        else:  # while it is written and synced the next is prepared
            self._hand_over(group)

    def _for_journal(self, group: Group) -> bool:
        """Whether it brings nothing but records, where there is a journal."""
        logs = group.block.logs
        return (
            self._journal is not None
            and logs.num_rows > 0
            and not group.block.receipts
            and not logs.counts["rejected"]
        )

    def _in_journal(self, group: Group) -> bool:
        """Store and answer a group, where the journal can take it."""
        if self._journal is None or not self._for_journal(group):
            return False
        logs, then, done = group.block.logs, self._offer, self._templates.wake
        if not self._journal.commit_soon(logs, group.last_id, then, done):
            return False
        self.detection.announce(group.last_id)
        self._stored(group)
        return True

    def _offer(self, logs: LogBatch, last_id: int) -> None:
        self.detection.offer(logs, last_id)
        if self._on_commit is not None:
            with contextlib.suppress(Exception):
                self._on_commit(logs)

    def _stored(self, group: Group) -> None:
        self.last_error = None
        self.committed_groups += 1
        self.committed_records += group.block.logs.num_rows
        self._answer(list(zip(group.submissions, group.answers, strict=True)))

    def _commit_one(self, group: Group) -> None:
        try:
            if self._in_journal(group):
                return
            if group.block.windows is None:
                group.aggregate()
            self._commit(group)
        except Exception as error:  # a stage must outlive whatever one group brings
            self._fail(group.submissions, error)
        self._maintain(idle=False)

    def _commit(self, group: Group) -> None:
        try:
            self.store.commit([group.block])
        except StoreError as error:
            if error.code == "disk_full" or len(group.submissions) == 1:
                raise
            # One sender's records must not sink the others': each for itself.
            log.warning("group commit failed, trying one by one: %s", error)
            for submission in group.submissions:
                try:
                    alone = prepare_group([submission], self.store.reserve_ids)
                    self._commit(alone.aggregate())
                except Exception as single:
                    self._fail([submission], single)
            return
        self._stored(group)
        if group.block.logs.num_rows:
            self._offer(group.block.logs, group.last_id)
            self._templates.wake()

    def _maintain(self, *, idle: bool) -> None:
        try:
            self.store.maintain(idle=idle)
        except LogforestError as error:
            self.last_error = str(error)

    # --- answers -------------------------------------------------------------------------

    def _fail(self, submissions: list[Submission], error: Exception) -> None:
        if not isinstance(error, ConfigError):
            self.last_error = str(error)
            log.error("not stored: %s", error, exc_info=not isinstance(error, LogforestError))
        self._answer([(submission, error) for submission in submissions])

    def _answer(self, outcomes: list[Outcome]) -> None:
        with self._answer_lock:
            fresh = [o for o in self._book.settle(outcomes) if not o[0].answered]
            for submission, _ in fresh:
                submission.answered = True
        self._queue.release([submission for submission, _ in fresh])
        resolve(fresh)
