"""Blocks that are in the journal and not yet in the tables of the embedded store."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import StoreError
from logforest.stores.base import Block, partials

if TYPE_CHECKING:
    from logforest.stores.journal import Journal

__all__ = ["Applied", "Backlog"]

log = logging.getLogger("logforest.journal")

# Together in one transaction: what came in this time. Who reads does not wait for it.
_GATHER_SECONDS = 0.05
_RETRY_SECONDS = 0.5
_MOST_BYTES = 16 << 20  # of frames; above that whoever brings more has to wait
_IDLE_SECONDS = 1.0
# Of the free space, frames may take this part before they are applied: transactions need some.
_ROOM_SHARE = 8
_MOST_FRAME = 1 << 20

#: Called with records that have got into the tables and the last of their ids.
Applied = Callable[[LogBatch, int], None]


@dataclass(slots=True)
class _Waiting:
    number: int  # of the frame
    logs: _core.LogBatch
    last_id: int
    size: int
    then: Applied | None


class Backlog:
    """Takes blocks into the journal; a thread brings them into the tables, in order.

    Parameters
    ----------
    journal
        Where blocks become durable.
    commit
        Commits a block and the number of its last frame in one durable transaction.
    applied
        The number of the last frame that is in the tables, asked after a commit failed.
    log_bytes
        What the tables' own log holds, in bytes.
    """

    def __init__(
        self,
        journal: Journal,
        commit: Callable[[Block, int], None],
        applied: Callable[[], int],
        log_bytes: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._commit = commit
        self._applied = applied
        self._log_bytes = log_bytes
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._folder = os.path.dirname(os.path.abspath(journal.path))
        self._done = 0  # the last frame that is known to be in the tables
        self._state = threading.Condition(threading.Lock())  # of all above
        self._applying = threading.Lock()  # taken first
        self._thread: threading.Thread | None = None
        self._closed = False
        self.problem: str | None = None  # why what waits could not be applied

    def replay(self) -> int:
        """Bring what an earlier process left into the tables; how many records."""
        rows = size = 0
        batch: list[_Waiting] = []
        for frame in self._journal.replay():
            last_id = frame.first_id + frame.rows - 1
            batch.append(_Waiting(frame.number, frame.logs(), last_id, len(frame.payload), None))
            rows += frame.rows
            size += len(frame.payload)
            if size >= _MOST_BYTES:
                self._apply_these(batch)
                batch, size = [], 0
        if batch:
            self._apply_these(batch)
        self._journal.forget(self._journal.last, all_files=True)
        return rows

    def add(self, logs: LogBatch, last_id: int, then: Applied | None) -> bool:
        """Durable when this returns True; in the tables soon, after all that came before it.

        False: nothing was done, since the tables may have no room for more than is promised.

        Raises
        ------
        StoreError
            Nothing of it is kept.
        """
        if self._bytes >= _MOST_BYTES or self.problem is not None:
            self.apply()
        core = logs._core
        if not self._has_room():
            return False
        with self._state:
            if self._closed:
                raise StoreError("the store is closed")
            size = self._journal.append(core, last_id - core.num_rows + 1)
            self._waiting.append(_Waiting(self._journal.last, core, last_id, size, then))
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lf-apply", daemon=True)
                self._thread.start()
            elif len(self._waiting) == 1:
                self._state.notify()
        return True

    def _has_room(self) -> bool:
        """What is acknowledged must find its place in the tables too, whatever else is written:
        folding DuckDB's own log into the file may take as much again as that log has."""
        found = os.statvfs(self._folder)
        free = found.f_bavail * found.f_frsize - self._log_bytes()
        return self._bytes + _MOST_FRAME <= free // _ROOM_SHARE

    @property
    def empty(self) -> bool:
        """Everything is in the tables."""
        return not self._waiting

    def apply(self) -> None:
        """Bring all that waits into the tables; StoreError: it could not be, and still waits."""
        if not self._waiting:
            return
        with self._applying:
            with self._state:
                batch = list(self._waiting)
            if batch:
                try:
                    self._apply_these(batch)
                except Exception as error:
                    raise self._failed(error) from error
                with self._state:
                    for waiting in batch:
                        self._waiting.popleft()
                        self._bytes -= waiting.size
                    self._journal.forget(batch[-1].number)

    def _failed(self, error: Exception) -> StoreError:
        self.problem = f"acknowledged records wait in the journal: {error}"
        failed = StoreError(self.problem)
        failed.retryable = True
        failed.code = getattr(error, "code", "")
        return failed

    def close(self) -> None:
        """Apply what waits; what cannot be stays in the journal. Idempotent."""
        with self._state:
            self._closed = True
            self._state.notify()
        if self._thread is not None:
            self._thread.join()
        try:
            self.apply()
        except StoreError as error:
            log.warning("%s; the next start tries again", error)
        with self._applying, self._state:
            self._journal.close()

    # --- applying ------------------------------------------------------------------------

    def _apply_these(self, batch: list[_Waiting]) -> None:
        if self.problem is not None:  # perhaps it was applied, whatever was reported
            self._done = max(self._done, self._applied())
        missing = [w for w in batch if w.number > self._done]
        if missing:
            self._commit(_block_of(missing), missing[-1].number)
            self._done = missing[-1].number
        self.problem = None
        at = 0
        while at < len(batch):  # those with the same listener together
            end = at + 1
            while end < len(batch) and batch[end].then == batch[at].then:
                end += 1
            then = batch[at].then
            if then is not None:
                together = _core.concat([w.logs for w in batch[at:end]])
                try:
                    then(LogBatch._from_core(together), batch[end - 1].last_id)
                except Exception:
                    log.exception("after records were stored")
            at = end

    def _run(self) -> None:
        while True:
            with self._state:
                if not self._waiting and not self._closed:
                    self._state.wait(_IDLE_SECONDS)
                    if not self._waiting and not self._closed:
                        self._journal.forget(self._journal.last, all_files=True)
                        self._state.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                self._state.wait_for(lambda: self._closed, _GATHER_SECONDS)
            try:
                self.apply()
            except StoreError as error:
                log.error("%s", error)
                with self._state:
                    self._state.wait_for(lambda: self._closed, _RETRY_SECONDS)


def _block_of(batch: list[_Waiting]) -> Block:
    logs = LogBatch._from_core(_core.concat([w.logs for w in batch]))
    return Block(key=f"j{batch[-1].number}", logs=logs, windows=partials(logs))
