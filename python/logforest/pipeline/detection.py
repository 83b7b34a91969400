"""Detection behind the commits: in its own thread, with bounded memory and a lasting position.

Committed batches are handed over in memory. When detection cannot keep up, they are let go and
read back from the store later; the position (the last record scored) is stored with the
anomalies, so that nothing is left out after a crash and nothing is found twice. The detector
itself is saved now and then; after a start the records between that and the position are read
again, in silence: what they brought to light is stored.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

from logforest.errors import StoreError

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.batch import LogBatch
    from logforest.detection import Detector
    from logforest.pipeline.detector_file import DetectorFile
    from logforest.stores.base import Store

__all__ = ["Detection", "Scorer"]

log = logging.getLogger("logforest.detection")

_HANDED_ROWS = 400_000  # held in memory at once, about 160 MB
_BEHIND_ROWS = 300_000  # above that whoever brings more waits a little: to read again costs more
_WAIT_SECONDS = 0.1
_READ_ROWS = 50_000
_WARM_UP_ROWS = 200_000  # read again after a start without a saved detector: a second of work
_SAVE_SECONDS = 30.0  # how often the detector is saved,
_SAVE_RECORDS = 1_000_000  # or after as many records: what a start after a crash reads again
_GATHER_SECONDS = 0.25  # at least between two transactions of anomalies,
_REST_SECONDS = 0.05  # when all that was acknowledged is scored
_POSITION_SECONDS = 1.0  # how often the position is stored when there are no anomalies


class Scorer(Protocol):
    """Finds anomalies in batches that arrive in order."""

    def process(self, logs: LogBatch) -> pa.Table:
        """Anomalies of these records."""


class Detection:
    """Scores what was committed, in order of id.

    Parameters
    ----------
    store
        Where records are, and where anomalies go.
    scorer
        None: no detection.
    on_anomalies
        Called with the new anomalies, from the thread.
    file
        Where ``scorer``, which is then a Detector, is kept across starts.
    """

    def __init__(
        self,
        store: Store,
        scorer: Scorer | None,
        on_anomalies: Callable[[object], None] | None = None,
        file: DetectorFile | None = None,
    ) -> None:
        self._store = store
        self._scorer = scorer
        self._on_anomalies = on_anomalies
        self._file = file
        lock = threading.Lock()
        self._wake = threading.Condition(lock)
        self._caught_up = threading.Condition(lock)
        self._handed: deque[tuple[LogBatch, int, int]] = deque()  # batch, id before it, last id
        self._handed_rows = 0
        self._stopping = False
        # Without a scorer only what is offered counts: the store need not be there yet.
        self._committed_id = self._found_id = store.next_id() - 1 if scorer is not None else 0
        self._position = store.detected_id() if scorer is not None else self._committed_id
        self._announced_id = 0
        self._seen = self._position  # by the scorer; the position follows when that is stored
        self._unstored: list[pa.Table] = []
        self._stored_position = self._position
        self._stored_at = time.monotonic()
        self._store_failed = False
        self._saved_position = 0
        self._saved_at = time.monotonic()
        self.recovered = scorer is None  # the scorer has seen all that was scored before
        self.reread_records = 0  # for that
        self.found = 0
        self.last_error: str | None = None
        self._thread: threading.Thread | None = None
        if scorer is not None:
            self._thread = threading.Thread(target=self._loop, name="lf-detect", daemon=True)
            self._thread.start()

    @property
    def lag(self) -> int:
        """Records stored but not yet scored."""
        return max(0, max(self._announced_id, self._committed_id) - self._position)

    @property
    def pressure(self) -> int:
        """Of :attr:`lag`, the records committed since the start.

        What an earlier process left unscored is read from the store at leisure; a process that was
        killed and started again and again would else turn everybody away in the end.
        """
        return max(0, self._committed_id - max(self._position, self._found_id))

    @property
    def alive(self) -> bool:
        return self._thread is None or self._thread.is_alive()

    def announce(self, last_id: int) -> None:
        """Records up to here are acknowledged, and will be offered."""
        self._announced_id = last_id

    def give_time(self) -> None:
        """Return when not too much waits for the scorer, or a little later."""
        if self._scorer is None or not self._behind():
            return
        with self._wake:
            self._caught_up.wait_for(lambda: not self._behind(), _WAIT_SECONDS)

    def _behind(self) -> bool:
        return self._committed_id - max(self._seen, self._found_id) > _BEHIND_ROWS

    def offer(self, logs: LogBatch, last_id: int) -> None:
        """Hand over a committed batch; let go of it when too much is waiting."""
        with self._wake:
            before, self._committed_id = self._committed_id, last_id
            if self._scorer is None:
                self._position = self._seen = last_id
                return
            if self._handed_rows + logs.num_rows <= _HANDED_ROWS or not self._handed:
                self._handed.append((logs, before, last_id))
                self._handed_rows += logs.num_rows
            self._wake.notify()

    def close(self, *, timeout: float) -> None:
        """Finish what was committed, as far as ``timeout`` seconds go."""
        deadline = time.monotonic() + timeout
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(max(0.1, deadline - time.monotonic()))

    # --- the thread ----------------------------------------------------------------------

    def _recover(self) -> None:
        """Bring the scorer to the position where an earlier process left off.

        What these records bring to light was stored together with the position.
        """
        saved = None
        if self._file is not None:
            saved = self._file.load(self._store, cast("Detector", self._scorer))
        if saved is not None:
            self._scorer, first = saved.detector, saved.position
            self._saved_position = first
        else:
            first = max(0, self._position - _WARM_UP_ROWS)
        while first < self._position and not self._stopping:
            logs = self._store.after(first, self._position, _READ_ROWS)
            if not logs.num_rows:
                break
            first = int(logs["id"][-1].as_py())
            self._scorer.process(logs)  # type: ignore[union-attr]
            self.reread_records += logs.num_rows
        self.recovered = first >= self._position or not self._stopping

    def _loop(self) -> None:
        try:
            self._recover()
        except Exception:
            log.exception("detection starts without knowing what is usual")
            self.recovered = True
        if not self.recovered:  # stopped meanwhile: the next start reads on from the same file
            return
        while True:
            with self._wake:
                while not self._handed and self._seen >= self._committed_id:
                    if self._stopping or self._store_is_due() or self._save_is_due():
                        break
                    self._wake.wait(_REST_SECONDS if self._unstored else _POSITION_SECONDS)
                if self._stopping and self._seen >= self._committed_id:
                    break
            try:
                self._step()
            except StoreError as error:  # full disk and the like: the records stay to be scored
                self.last_error, self._store_failed = str(error), True
                log.error("anomalies not stored, will be tried again: %s", error)
                time.sleep(0.5)
            except Exception as error:
                # A batch that cannot be scored must not hold up all that follow.
                self.last_error = f"{type(error).__name__}: {error}"
                self._move_on()
                log.exception("batch not scored")
        try:
            self._store_findings()
            self._move_on()
            if self._seen > self._saved_position:
                self._save()
        except StoreError as error:
            log.error("position not stored: %s", error)

    def _step(self) -> None:
        logs, last_id = self._next()
        with self._wake:
            self._seen = max(
                self._seen, last_id
            )  # whatever happens: never twice through the scorer
            self._caught_up.notify()
        if logs is not None and logs.num_rows:
            anomalies = self._scorer.process(logs)  # type: ignore[union-attr]
            if not self._store_failed:
                self.last_error = None  # not before: health tells of a batch that was not scored
            if anomalies.num_rows:
                self._unstored.append(anomalies)
        if self._store_is_due():
            self._store_findings()
        self._move_on()
        if self._save_is_due():
            self._save()

    def _move_on(self) -> None:
        if not self._unstored:
            self._position = self._seen

    def _store_is_due(self) -> bool:
        """A transaction holds up the commits: under load what was found waits for more."""
        waited = time.monotonic() - self._stored_at
        if self._unstored:
            rest = self._seen >= max(self._announced_id, self._committed_id)
            return waited >= (_REST_SECONDS if rest else _GATHER_SECONDS)
        return self._seen > self._stored_position and waited >= _POSITION_SECONDS

    def _next(self) -> tuple[LogBatch | None, int]:
        with self._wake:
            until = self._committed_id
            while self._handed:
                logs, before, last_id = self._handed[0]
                if before > self._seen:  # batches before this one were let go
                    until = before
                    break
                self._handed.popleft()
                self._handed_rows -= logs.num_rows
                if last_id > self._seen:
                    return logs, last_id
        if until <= self._seen:
            return None, self._seen
        logs = self._store.after(self._seen, until, _READ_ROWS)
        if logs.num_rows < _READ_ROWS:  # ids may have gaps, but nothing is left up to here
            return logs, until
        return logs, int(logs["id"][-1].as_py())

    def _store_findings(self) -> None:
        """Anomalies found and how far the scorer came, in one transaction."""
        if not self._unstored and self._seen <= self._stored_position:
            return
        import pyarrow as pa

        found = pa.concat_tables(self._unstored) if self._unstored else None
        self.found += self._store.add_anomalies(found, detected_id=self._seen)
        self._stored_position, self._stored_at = self._seen, time.monotonic()
        self._unstored.clear()
        if self._store_failed:
            self.last_error, self._store_failed = None, False
        if found is not None and self._on_anomalies is not None:
            self._on_anomalies(found)

    def _save_is_due(self) -> bool:
        behind = self._seen - self._saved_position
        waited = time.monotonic() - self._saved_at
        if self._file is None or behind <= 0 or waited < _POSITION_SECONDS:
            return False
        return behind >= _SAVE_RECORDS or waited >= _SAVE_SECONDS

    def _save(self) -> None:
        """The stored position first: it is never behind that of the file."""
        if self._file is None:
            return
        self._store_findings()
        self._saved_at = time.monotonic()
        if self._file.save(self._store, cast("Detector", self._scorer), self._seen):
            self._saved_position = self._seen
