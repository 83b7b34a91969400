"""The store worker: queue entries become committed records, exactly once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from logforest import _core
from logforest._arrow import ipc_stream
from logforest.batch import LogBatch
from logforest.errors import ConfigError, QueueError
from logforest.queues.redis_entries import NewBlock
from logforest.stores.base import Block
from logforest.stores.postgres_commit import PartialRepeat
from logforest.workers.base import StreamWorker, WorkerOptions, traced
from logforest.workers.decode import Decoded, decode, keys_of, make_block
from logforest.workers.in_turn import InTurn

if TYPE_CHECKING:
    from logforest._core import StreamItem
    from logforest.queues.redis_streams import RedisLog
    from logforest.stores.postgres import PostgresStore

__all__ = ["StoreWorker"]

log = logging.getLogger("logforest.worker.store")

_SHOWN_ROWS = 20_000  # of a commit, to live listeners: the newest


class StoreWorker(StreamWorker):
    """Block -> ONE transaction (records, rejects, windows, ledger) -> acknowledge -> publish."""

    group = "store"
    finishers = 2  # while one waits for its commit to be on disk the other one copies

    def __init__(self, log_: RedisLog, store: PostgresStore, options: WorkerOptions) -> None:
        super().__init__(log_, store, options)
        # Commits may overtake each other; live listeners see them in the order of the queue.
        self._shown: InTurn[LogBatch] = InTurn(self._publish)
        self._committed = threading.local()

    def prepare(self, items: Sequence[StreamItem]) -> tuple[Decoded, Block]:
        """Parse, mask, enrich, number, aggregate."""
        decoded = decode([item for item in items if not item.stored])
        return decoded, make_block(decoded)

    def finish(self, items: Sequence[StreamItem], prepared: Any) -> None:
        """One transaction for all entries; those that were stored before are left out."""
        decoded, block = prepared
        if not block.receipts:
            return
        try:
            fresh = self.store.commit([block])
        except PartialRepeat as repeat:
            # Some were committed before, by a worker that died before acknowledging.
            rest = [item for item in items if repeat.fresh & set(keys_of(item))]
            if len(rest) == len(items) == 1:
                self._commit_single_entries(rest[0], repeat.fresh)
            else:
                for item in rest:
                    self.finish([item], self.prepare([item]))
            return
        if fresh:
            self.store.keep_templates(decoded.logs)
            vars(self._committed).setdefault("logs", []).append(decoded.logs)

    def done_with(self, number: int) -> None:
        """Show what this thread has committed, in its turn."""
        self._shown.bring(number, vars(self._committed).pop("logs", []))

    def _commit_single_entries(self, item: StreamItem, fresh: set[str]) -> None:
        # Joined single entries of other producers: each one for itself.
        for single in _core.split_item(item):
            if keys_of(single)[0] in fresh:
                decoded = decode([single])
                self.store.commit([make_block(decoded)])

    def isolate(self, item: StreamItem, error: Exception) -> bool:
        """Halve the block's rows until the refused ones are alone; the others land.

        All of it happens in one transaction: savepoints stand for the halves.
        """
        if isinstance(error, ConfigError):
            return False
        try:
            decoded = decode([item])
        except Exception:
            return False
        block = make_block(decoded)
        refused = self.store.commit_bisecting(block)
        for row, reason in refused:
            self._bury_row(item, decoded.logs, row, reason)
        self._count(buried=len(refused))
        log.error(
            "block %s: %d of %d records refused and put aside: %s%s",
            item.key, len(refused), decoded.logs.num_rows, refused[0][1] if refused else "",
            traced(item),
        )  # fmt: skip
        return True

    def _bury_row(self, item: StreamItem, logs: LogBatch, row: int, reason: str) -> None:
        one = pa.table(logs._core).slice(row, 1)
        record_id = one["id"][0].as_py()
        core = _core.LogBatch.from_arrow(one.combine_chunks())
        block = NewBlock(
            data=_core.render_ndjson(core),
            count=1,
            format="json",
            tenant=item.tenant,
            key=f"{item.key}#{record_id}",
            trace=item.trace,
            received_us=item.received_us,
        )
        self.log.bury_records(self.group, item, block, record_id, reason)

    def _publish(self, logs: LogBatch) -> None:
        try:
            if not logs.num_rows or not self.log.listeners("new_logs"):
                return
        except QueueError:
            return  # whoever listened has lost the connection too
        table = pa.table(logs._core)
        if table.num_rows > _SHOWN_ROWS:
            table = table.slice(table.num_rows - _SHOWN_ROWS)
        try:
            self.log.publish("new_logs", ipc_stream(table))
        except QueueError as error:
            log.warning("not shown to live listeners: %s", error)
