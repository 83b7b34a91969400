"""The server profile's way in: received bodies become blocks in Redis.

Requests that arrive while a round trip runs travel together in the next one, joined into few
blocks. A request is answered when Redis has its block (with ``appendfsync always``: on disk).
Bodies are parsed here only to count records and to name bad lines; what travels is raw bytes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

from logforest import _core
from logforest.errors import LogforestError, QueueError
from logforest.pipeline.receipts import KeyReused, Outcome, ledger_key, resolve
from logforest.queues.base import Answer, QueueFull, QueueStatus, Rejected, Submission
from logforest.queues.embedded import EmbeddedQueue
from logforest.queues.redis_entries import Added, NewBlock

if TYPE_CHECKING:
    from logforest.queues.redis_streams import RedisLog

__all__ = ["ServerPipeline"]

log = logging.getLogger("logforest.pipeline")

_ROUND_BYTES = 4 << 20
_ROUND_ITEMS = 4096
_BLOCK_BYTES = 1 << 20  # small bodies are joined up to here
_REJECTS_SHOWN = 100
_STATUS_SECONDS = 0.5
_ENTRIES_SECONDS = 2.0  # how often entries, groups and dead letters are counted
_RETRY_AFTER = 2
_TRACES_KEPT = 64  # of the requests joined in one block


@dataclass(slots=True)
class _Counted:
    submission: Submission
    records: int
    rejected: tuple[Rejected, ...]
    rejected_total: int


class ServerPipeline:
    """Runs until :meth:`close`. Implements :class:`logforest.queues.base.Queue`.

    Args:
        log_: the queue in Redis.
        queue_bytes: bodies held at once before requests are turned away (429).
        senders: threads that talk to Redis.
    """

    def __init__(
        self,
        log_: RedisLog,
        *,
        queue_bytes: int = 64 << 20,
        senders: int = 2,
        down: str | None = None,
    ) -> None:
        self.log = log_
        self.last_error: str | None = down
        self.sent_blocks = 0
        self.sent_records = 0
        self._queue = EmbeddedQueue(queue_bytes)
        self._lags: dict[str, int] = {"store": 0, "detect": 0}
        self._down: str | None = down  # why Redis cannot be reached: nobody has to wait for it
        self._entries: dict[str, object] = {}
        self._watch = threading.Thread(target=self._watch_loop, name="lf-lag", daemon=True)
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, name=f"lf-send-{n}", daemon=True)
            for n in range(senders)
        ]
        for thread in (*self._threads, self._watch):
            thread.start()

    # --- the queue -----------------------------------------------------------------------

    def submit(self, submission: Submission) -> None:
        """Take it, or raise at once: QueueFull, or QueueError while Redis cannot be reached."""
        if (down := self._down) is not None:
            error = QueueError(down)
            error.retryable, error.code = True, "CONNECTION"
            raise error
        if self.log.max_lag and self._lags["store"] > self.log.max_lag:
            raise QueueFull(f"{self._lags['store']} records wait to be stored", _RETRY_AFTER)
        self._queue.put(submission)

    def status(self) -> QueueStatus:
        """How much waits, here and in Redis."""
        waiting, waiting_bytes = self._queue.held
        return QueueStatus(
            waiting=waiting,
            waiting_bytes=waiting_bytes,
            capacity_bytes=self._queue.max_bytes,
            lag=max(self._lags.values()),
            details={
                "blocks": self.sent_blocks,
                "records": self.sent_records,
                "max_lag": self.log.max_lag,
                "max_entries": self.log.max_entries,
                "error": self.last_error,
                **self._lags,
                **self._entries,
            },
        )

    @property
    def alive(self) -> bool:
        """All threads run."""
        return all(thread.is_alive() for thread in self._threads)

    def close(self, *, timeout: float = 30.0) -> None:
        """Take nothing more and send what was taken; idempotent."""
        deadline = time.monotonic() + timeout
        self._queue.close()
        self._closed.set()
        for thread in (*self._threads, self._watch):
            thread.join(max(0.1, deadline - time.monotonic()))

    def _watch_loop(self) -> None:
        looked = 0.0
        while not self._closed.wait(_STATUS_SECONDS):
            try:
                self._lags = {group: self.log.lag(group) for group in ("store", "detect")}
                self._down = None
                if time.monotonic() - looked > _ENTRIES_SECONDS:
                    self._entries = self.log.status()
                    looked = time.monotonic()
                if self.last_error and not self._queue.held[0]:
                    self.last_error = None
            except QueueError as error:
                self.last_error = str(error)
                if error.code in ("CONNECTION", "TLS"):  # not merely slow
                    self._down = str(error)

    # --- sending -------------------------------------------------------------------------

    def _loop(self) -> None:
        while not self._queue.closed:
            taken = self._queue.take(_ROUND_BYTES, _ROUND_ITEMS, timeout=0.2)
            if not taken:
                continue
            try:
                outcomes = self._send(taken)
            except Exception as error:
                self.last_error = str(error)
                if not isinstance(error, LogforestError):
                    log.exception("not queued")
                outcomes = [(submission, error) for submission in taken]
            self._queue.release(taken)
            resolve(outcomes)

    def _send(self, taken: Sequence[Submission]) -> list[Outcome]:
        groups = list(_join(_count(taken)))
        blocks = [_block(group) for group in groups]
        try:
            results = self.log.add(blocks)
        except QueueError as error:
            if not error.retryable:
                raise
            # The outcome is unknown: the same keys again add nothing twice.
            results = self.log.add(blocks)
        outcomes: list[Outcome] = []
        for group, result in zip(groups, results, strict=True):
            if isinstance(result, QueueError):
                outcomes += [(c.submission, _refusal(result)) for c in group]
            else:
                outcomes += _answers(group, result)
                if not result.repeated:
                    self.sent_blocks += 1
                    self.sent_records += result.count
        self.last_error = None
        return outcomes


def _refusal(error: QueueError) -> QueueError:
    if error.code == "LAGLIMIT":
        return QueueFull(str(error).removeprefix("Redis: LAGLIMIT "), _RETRY_AFTER)
    return error


def _count(taken: Sequence[Submission]) -> list[_Counted]:
    """How many records each body holds, and which lines are bad."""
    core, parts = _core.ingest(
        [(s.body, s.format, s.tenant, s.service, s.source, s.received_us) for s in taken],
        1,
        "parsed",
    )
    rejects: Iterator[dict[str, object]] = iter(())
    if core.counts["rejected"]:
        import pyarrow as pa

        rejects = iter(pa.table(core.rejected()).drop_columns("file").to_pylist())
    out = []
    for submission, (records, rejected) in zip(taken, parts, strict=True):
        mine = [next(rejects) for _ in range(rejected)]
        shown = tuple(Rejected(**r) for r in mine[:_REJECTS_SHOWN])  # type: ignore[arg-type]
        out.append(_Counted(submission, records, shown, rejected))
    return out


def _join(counted: Sequence[_Counted]) -> Iterator[list[_Counted]]:
    """Bodies that share a block: of one tenant, small, without a key of their own."""
    open_groups: dict[str, list[_Counted]] = {}
    sizes: dict[str, int] = {}
    for c in counted:
        s = c.submission
        if s.key or len(s.body) >= _BLOCK_BYTES:
            yield [c]
            continue
        if s.tenant in open_groups and sizes[s.tenant] + len(s.body) > _BLOCK_BYTES:
            yield open_groups.pop(s.tenant)
            sizes[s.tenant] = 0
        open_groups.setdefault(s.tenant, []).append(c)
        sizes[s.tenant] = sizes.get(s.tenant, 0) + len(s.body)
    yield from open_groups.values()


def _block(group: Sequence[_Counted]) -> NewBlock:
    first = group[0].submission
    options: dict[str, object] = {
        "parts": [
            (len(s.body), s.format, s.service, s.source, s.received_us)
            for s in (c.submission for c in group)
        ]
    }
    block = NewBlock(
        data=first.body if len(group) == 1 else b"".join(c.submission.body for c in group),
        count=sum(c.records for c in group),
        format=first.format,
        tenant=first.tenant,
        received_us=first.received_us,
        trace=",".join(_traces(group)),
    )
    if first.key:
        block.key = ledger_key(first)
        block.digest = first.digest
        block.answer = orjson.dumps([asdict(r) for r in group[0].rejected]).decode()
        options |= {"digest": block.digest, "answer": block.answer}
    block.options = orjson.dumps(options).decode()
    return block


def _traces(group: Sequence[_Counted]) -> list[str]:
    """The traces of the requests that share a block, each once."""
    return list(dict.fromkeys(c.submission.trace for c in group if c.submission.trace))[
        :_TRACES_KEPT
    ]


def _answers(group: Sequence[_Counted], added: Added) -> list[Outcome]:
    if added.repeated and group[0].submission.key:
        only = group[0]
        s = only.submission
        if added.digest != s.digest:
            return [(s, KeyReused(f"Idempotency-Key {s.key!r} was used before with another body"))]
        before = tuple(Rejected(**r) for r in orjson.loads(added.answer))
        first = added.first_id if added.count else None
        return [(s, Answer(added.count, first, before, only.rejected_total, repeated=True))]
    outcomes: list[Outcome] = []
    next_id = added.first_id
    for c in group:
        answer = Answer(
            accepted=c.records,
            first_id=next_id if c.records else None,
            rejected=c.rejected,
            rejected_total=c.rejected_total,
        )
        next_id += c.records
        outcomes.append((c.submission, answer))
    return outcomes
