"""One commit group: received bodies become one batch, its windows, and an answer for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from logforest import _core
from logforest.batch import LogBatch
from logforest.pipeline.receipts import make_receipt
from logforest.queues.base import Answer, Rejected, Submission
from logforest.stores.base import Block

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["WINDOW_KEYS", "Group", "prepare_batch", "prepare_group"]

WINDOW_KEYS = ("tenant", "service", "level", "category")
_WINDOW_US = 60_000_000
_REJECTS_SHOWN = 100  # in one answer; the store keeps all of them


@dataclass(slots=True)
class Group:
    """What is committed together, and who waits for it."""

    submissions: list[Submission]
    answers: list[Answer]
    block: Block
    last_id: int


def partials(logs: LogBatch) -> pa.Table:
    """Mergeable 1-minute aggregates of a batch, as the store keeps them."""
    raise NotImplementedError


def prepare_group(submissions: list[Submission], reserve_ids: Callable[[int], int]) -> Group:
    """Parse, mask and number what was received, in order."""
    core, parts = _core.ingest(
        [(s.body, s.format, s.tenant, s.service, s.source, s.received_us) for s in submissions]
    )
    first = next_id = reserve_ids(core.num_rows)
    core.assign_ids(first)
    rejects = iter(())
    if core.counts["rejected"]:
        import pyarrow as pa

        rejects = iter(pa.table(core.rejected()).to_pylist())
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
    block = Block(key=f"g{first}", logs=logs, windows=partials(logs), receipts=receipts)
    return Group(submissions, answers, block, last_id=next_id - 1)
