"""One commit group: received bodies become one batch, its windows, and an answer for each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from logforest import _core
from logforest.batch import LogBatch
from logforest.pipeline.receipts import make_receipt
from logforest.queues.base import Answer, Rejected, Submission
from logforest.stores.base import Block, Receipt, Store, partials

__all__ = ["Group", "appended_before", "parse_masked", "prepare_batch", "prepare_group"]

_REJECTS_SHOWN = 100  # in one answer; the store keeps all of them


@dataclass(slots=True)
class Group:
    """What is committed together, and who waits for it."""

    submissions: list[Submission]
    answers: list[Answer]
    block: Block
    last_id: int

    def aggregate(self) -> Group:
        """Add the windows that a commit stores; the journal makes them when it is applied."""
        self.block.windows = partials(self.block.logs)
        return self


def parse_masked(body: bytes, *, format: str = "auto") -> _core.LogBatch:
    """What a body would become in the store, without ids."""
    core, _ = _core.ingest([(body, format, "default", "", "", time.time_ns() // 1000)])
    return core


def _append_key(key: str) -> str:
    return f"append:{key}"  # others begin with a tenant's name and belong to HTTP


def appended_before(store: Store, key: str) -> tuple[int, int] | None:
    """The first id and the count of what was appended under ``key``; None: nothing yet."""
    receipt = store.receipts([_append_key(key)]).get(_append_key(key))
    return None if receipt is None else (receipt.first_id, receipt.records)


def prepare_batch(
    logs: LogBatch, *, reserve_ids: Callable[[int], int], key: str | None = None
) -> Block:
    """A block of records that were parsed before: masked, enriched and numbered as a copy."""
    core = _core.stored_copy(logs._core)
    first = reserve_ids(core.num_rows)
    _core.assign_ids(core, first)
    stored = LogBatch._from_core(core)
    receipts = []
    if key is not None:
        rejected = int(core.counts["rejected"])
        receipts = [Receipt(_append_key(key), "", first, core.num_rows, rejected, "[]")]
    return Block(_key(first, core.num_rows), stored, partials(stored), receipts)


def _key(first: int, records: int) -> str:
    """A ledger key of its own: the first id, which a block without records shares with the next."""
    return f"g{first}" if records else f"g{first}-{uuid.uuid4().hex}"


def prepare_group(submissions: list[Submission], reserve_ids: Callable[[int], int]) -> Group:
    """Parse, mask and number what was received, in order; :meth:`Group.aggregate` is to follow."""
    core, parts = _core.ingest(
        [(s.body, s.format, s.tenant, s.service, s.source, s.received_us) for s in submissions]
    )
    first = next_id = reserve_ids(core.num_rows)
    _core.assign_ids(core, first)
    rejects: Iterator[dict[str, Any]] = iter(())
    if core.counts["rejected"]:
        import pyarrow as pa

        rejects = iter(pa.table(core.rejected()).drop_columns("file").to_pylist())
    answers = []
    receipts = []
    for submission, (records, rejected) in zip(submissions, parts, strict=True):
        mine = [next(rejects) for _ in range(rejected)]
        answer = Answer(
            accepted=records,
            first_id=next_id if records else None,
            rejected=tuple(Rejected(**r) for r in mine[:_REJECTS_SHOWN]),
            rejected_total=rejected,
        )
        next_id += records
        answers.append(answer)
        if submission.key:
            receipts.append(make_receipt(submission, answer))
    logs = LogBatch._from_core(core)
    key = _key(first, core.num_rows)
    block = Block(key=key, logs=logs, windows=None, receipts=receipts)
    return Group(submissions, answers, block, last_id=next_id - 1)
