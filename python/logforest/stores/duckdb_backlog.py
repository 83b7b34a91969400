"""Blocks that are in the journal and not yet in the tables of the embedded store."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import StoreError
from logforest.stores.base import Block, partials

if TYPE_CHECKING:
    from logforest.stores.journal import Journal

__all__ = ["ROW_GROUP", "Applied", "Backlog", "Position"]

log = logging.getLogger("logforest.journal")

# A transaction of DuckDB that adds whole row groups writes them into the file at once, compressed;
# any other puts its rows into memory and its log, and a checkpoint has to do the rest, which leaves
# holes in the file.
ROW_GROUP = 122_880
_FILL_SECONDS = 10.0  # so long a row group may take to get whole,
_STILL_SECONDS = 0.1  # unless nothing comes for so long,
_STILL_GAPS = 2  # and for so many times the gaps of late. Who reads does not wait for it.
_MOST_GAP = 2.0
_GAP_FADES = 0.95  # with each that comes
_GATHER_SECONDS = 0.05  # what came in this time is told of together
_RETRY_SECONDS = 0.5
_MOST_BYTES = 96 << 20  # of frames; above that whoever brings more has to wait
_IDLE_SECONDS = 1.0
_ROOM_SECONDS = 5.0  # who waits for the thread to make room looks for itself then
# Of the free space, frames may take this part before they are applied: transactions need some.
_ROOM_SHARE = 8
_MOST_FRAME = 1 << 20  # of a small group

#: Called with records that became durable and the last of their ids.
Applied = Callable[[LogBatch, int], None]
#: How far the tables are: the last frame that is in them whole, and the rows of the next.
Position = tuple[int, int]
#: Makes the context of a COMMIT, anew for each.
Within = Callable[[], AbstractContextManager[None]]


@dataclass(slots=True)
class _Waiting:
    number: int  # of the frame
    logs: _core.LogBatch  # what of it is not in the tables
    applied: int  # rows that are
    size: int
    since: float
    done: Callable[[], None] | None


class Backlog:
    """Takes blocks into the journal; a thread brings them into the tables, in order.

    Where records come fast, transactions are cut at row groups, which may be in the middle of a
    frame. ``gate`` and ``split`` are there for readers, who are to see all of a frame or nothing:
    while somebody holds the gate and ``split`` is False, no half of a frame gets visible.

    Parameters
    ----------
    journal
        Where blocks become durable.
    commit
        Commits a block and the position it leads to in one durable transaction; each COMMIT within
        a context of the kind it is given, if any.
    position
        How far the tables are.
    room
        Bytes that are free, whatever the tables' own log may still take.
    """

    def __init__(
        self,
        journal: Journal,
        commit: Callable[[Block, Position, Within | None], None],
        position: Callable[[], Position],
        room: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._commit = commit
        self._position = position
        self._room = room
        self._waiting: deque[_Waiting] = deque()
        self._rows = 0
        self._bytes = 0
        self._added_at = 0.0
        self._gap = 0.0  # between those that came of late, in seconds
        self._untold: deque[tuple[_core.LogBatch, int, Applied]] = deque()
        self._state = threading.Condition(threading.Lock())  # of all above
        self._applying = threading.Lock()  # taken first
        self._telling = threading.Lock()  # never together with that
        self._told_at = 0.0
        self.gate = threading.Lock()
        self.split = False
        self._thread: threading.Thread | None = None
        self._closed = False
        self.problem: str | None = None  # why what waits could not be applied

    def replay(self) -> None:
        """Bring what an earlier process left into the tables."""
        number, applied = self._position()
        for frame in self._journal.replay():
            logs = frame.logs()
            if applied:
                logs = _core.split(logs, applied)[1]
            self._queue(frame.number, logs, applied, len(frame.payload), None)
            applied = 0
            if self._bytes >= _MOST_BYTES:
                self.apply(groups_only=True)
        self.apply()
        if applied:  # the frame is gone: no other may have its number
            self._journal.last = number + 1
            nothing = Block(key="", logs=LogBatch._from_core(_core.LogBatch()), windows=None)
            self._commit(nothing, (number + 1, 0), None)
        self._journal.forget(self._journal.last, all_files=True)

    def add(
        self,
        logs: LogBatch,
        last_id: int,
        then: Applied | None = None,
        done: Callable[[], None] | None = None,
    ) -> bool:
        """Durable when this returns True; in the tables soon, after all that came before it.

        False: nothing was done, since the tables may have no room for more than is promised.

        Raises
        ------
        StoreError
            Nothing of it is kept.
        """
        self._await_room()
        core = logs._core
        most = self._room() // _ROOM_SHARE - self._bytes
        if most < _MOST_FRAME:
            return False
        with self._state:
            if self._closed:
                raise StoreError("the store is closed")
            size = self._journal.append(core, last_id - core.num_rows + 1, most=most)
            if not size:
                return False
            self._queue(self._journal.last, core, 0, size, done)
            if then is not None:
                self._untold.append((core, last_id, then))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lf-apply", daemon=True)
                self._thread.start()
            elif len(self._waiting) == 1 or self._full:
                self._state.notify_all()
        if self._applying.locked() and self._added_at - self._told_at > _GATHER_SECONDS:
            self._tell()  # the thread, which else does it, has its hands full
        return True

    def _await_room(self) -> None:
        """Until less than the most waits: the thread is about to see to that."""
        if self._bytes >= _MOST_BYTES and self.problem is None:
            with self._state:
                made = self._state.wait_for(
                    lambda: self._bytes < _MOST_BYTES or self.problem is not None or self._closed,
                    _ROOM_SECONDS,
                )
            if not made:
                self.apply(groups_only=True)
        if self.problem is not None:
            self.apply(groups_only=True)

    @property
    def _full(self) -> bool:
        """There is enough to be applied."""
        return self._rows >= ROW_GROUP or self._bytes >= _MOST_BYTES

    def _queue(
        self,
        number: int,
        logs: _core.LogBatch,
        applied: int,
        size: int,
        done: Callable[[], None] | None,
    ) -> None:
        now = time.monotonic()
        self._gap = max(self._gap * _GAP_FADES, min(now - self._added_at, _MOST_GAP))
        self._added_at = now
        self._waiting.append(_Waiting(number, logs, applied, size, now, done))
        self._rows += logs.num_rows
        self._bytes += size

    def apply(self, *, groups_only: bool = False) -> None:
        """Bring all that waits into the tables; StoreError: it could not be, and still waits.

        ``groups_only``: only whole row groups, where there are any.
        """
        if not self._waiting:
            return
        with self._applying:
            done = self._apply(groups_only=groups_only)
        for call in done:
            call()

    def settle(self) -> None:
        """:meth:`apply`, and everybody has heard of it."""
        try:
            self.apply()
        finally:
            self._tell()

    def close(self) -> None:
        """Apply what waits; what cannot be stays in the journal. Idempotent."""
        with self._state:
            self._closed = True
            self._state.notify_all()
        if self._thread is not None:
            self._thread.join()
        try:
            self.settle()
        except StoreError as error:
            log.warning("%s; the next start tries again", error)
        with self._applying, self._state:
            self._journal.close()

    # --- applying ------------------------------------------------------------------------

    def _apply(self, *, groups_only: bool) -> set[Callable[[], None]]:
        done: set[Callable[[], None]] = set()
        try:
            if self.problem is not None:  # perhaps it was applied, whatever was reported
                self._applied(self._position(), done)
            with self._state:
                rows = self._rows
            whole = rows // ROW_GROUP
            for _ in range(whole):  # one at a time: who waits for room gets it sooner
                self._apply_rows(ROW_GROUP, done)
            if rows % ROW_GROUP and not (whole and groups_only):
                self._apply_rows(rows % ROW_GROUP, done)
        except Exception as error:
            with self._state:
                self.problem = f"acknowledged records wait in the journal: {error}"
                self._state.notify_all()
            failed = StoreError(self.problem)
            failed.retryable = True
            failed.code = getattr(error, "code", "")
            raise failed from error
        self.problem = None
        return done

    def _apply_rows(self, rows: int, done: set[Callable[[], None]]) -> None:
        parts: list[_core.LogBatch] = []
        left = rows
        with self._state:
            for waiting in self._waiting:
                if left < waiting.logs.num_rows:
                    break
                parts.append(waiting.logs)
                position = (waiting.number, 0)
                left -= waiting.logs.num_rows
            if left:
                parts.append(_core.split(waiting.logs, left)[0])
                position = (waiting.number - 1, waiting.applied + left)
        logs = LogBatch._from_core(_core.concat(parts))
        block = Block(key=f"j{position[0]}.{position[1]}", logs=logs, windows=partials(logs))
        self._commit(block, position, self._splitting if left else None)
        self._applied(position, done)

    @contextlib.contextmanager
    def _splitting(self) -> Iterator[None]:
        with self.gate:
            self.split = True
            yield

    def _applied(self, position: Position, done: set[Callable[[], None]]) -> None:
        """The tables are that far."""
        number, rows = position
        with self._state:
            while self._waiting and self._waiting[0].number <= number:
                waiting = self._waiting.popleft()
                self._rows -= waiting.logs.num_rows
                self._bytes -= waiting.size
                if waiting.done is not None:
                    done.add(waiting.done)
            if self._waiting and rows > self._waiting[0].applied:
                waiting = self._waiting[0]
                more = rows - waiting.applied
                waiting.logs = _core.split(waiting.logs, more)[1]
                waiting.applied = rows
                self._rows -= more
            self._journal.forget(number)
            self._state.notify_all()
        self.split = bool(rows)

    # --- the thread ----------------------------------------------------------------------

    def _tell(self) -> None:
        """Those who want to know what is durable hear it in order, and together if it is more."""
        with self._telling:
            with self._state:
                self._told_at = time.monotonic()
                batch = list(self._untold)
                self._untold.clear()
            at = 0
            while at < len(batch):
                end = at + 1
                while end < len(batch) and batch[end][2] == batch[at][2]:
                    end += 1
                _, last_id, then = batch[end - 1]
                together = _core.concat([logs for logs, _, _ in batch[at:end]])
                try:
                    then(LogBatch._from_core(together), last_id)
                except Exception:
                    log.exception("after records were stored")
                at = end

    def _filling(self) -> bool:
        """Whether what waits is to wait for more."""
        if self._closed or not self._waiting or self._full:
            return False
        now = time.monotonic()
        still = max(_STILL_SECONDS, _STILL_GAPS * self._gap)
        return now - self._added_at < still and now - self._waiting[0].since < _FILL_SECONDS

    def _work(self) -> bool:
        return bool(self._waiting or self._untold) or self._closed

    def _run(self) -> None:
        while True:
            with self._state:
                if not self._work():
                    self._state.wait(_IDLE_SECONDS)
                    if not self._work():
                        self._journal.forget(self._journal.last, all_files=True)
                        self._state.wait_for(self._work)
                if self._closed:
                    return
                self._state.wait_for(lambda: self._closed or self._full, _GATHER_SECONDS)
                filling = self._filling()
            self._tell()
            if filling:
                continue
            try:
                self.apply(groups_only=True)
            except StoreError as error:
                log.error("%s", error)
                with self._state:
                    self._state.wait_for(lambda: self._closed, _RETRY_SECONDS)
