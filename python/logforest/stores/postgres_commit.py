"""What a commit to Postgres writes: ledger rows, records, segments, rejects, window deltas."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from logforest import _core
from logforest.errors import StoreError
from logforest.sql import statement
from logforest.stores.base import Receipt
from logforest.stores.postgres_segments import LEAST_ROWS, SEGMENT_ROWS

if TYPE_CHECKING:
    from logforest._core import PgSession
    from logforest.batch import LogBatch
    from logforest.stores.base import Block

__all__ = [
    "PartialRepeat",
    "copy_blocks",
    "copy_by_halves",
    "insert_keys",
    "ledger_rows",
    "months_from_now",
    "months_of",
    "rejects_of",
]


class PartialRepeat(Exception):
    """Some keys of a block were committed before and some not; ``fresh`` are those that were not.

    Only blocks joined from single entries can meet this, after a crash regrouped them.
    """

    def __init__(self, block: Block, fresh: set[str]) -> None:
        super().__init__(block.key)
        self.block = block
        self.fresh = fresh


def ledger_rows(block: Block) -> list[Receipt]:
    """The block's own row and its receipts; a block without a key has only the receipts."""
    if not block.key:
        return list(block.receipts)
    core = block.logs._core
    first = pa.table(core)["id"][0].as_py() if core.num_rows else 0
    own = Receipt(block.key, "", first or 0, core.num_rows, core.counts["rejected"], "[]")
    return [own, *(r for r in block.receipts if r.key != block.key)]


def insert_keys(session: PgSession, ledger: dict[str, Receipt]) -> set[str]:
    """Write ledger rows; the keys that were new."""
    # In one order everywhere: two writers with common keys wait for each other, never in a ring.
    rows = [ledger[key] for key in sorted(ledger)]
    columns = [
        [getattr(row, name) for row in rows]
        for name in ("key", "digest", "first_id", "records", "rejected", "answer")
    ]
    return set(
        pa.table(session.query(statement("postgres", "insert_keys"), columns))["key"].to_pylist()
    )


def copy_blocks(session: PgSession, blocks: Sequence[Block]) -> None:
    """Records, segments, rejects and window deltas of blocks, each by one COPY."""
    cores = [block.logs._core for block in blocks if block.logs.num_rows]
    if cores:
        logs = cores[0] if len(cores) == 1 else _core.concat(cores)
        session.copy_logs("logs", logs)
        if logs.num_rows >= LEAST_ROWS:
            session.copy_segments(logs, SEGMENT_ROWS)
    rejects = [rejects_of(block) for block in blocks if block.logs._core.counts["rejected"]]
    if rejects:
        session.copy_arrow("rejected_logs", pa.concat_tables(rejects))
    windows = [b.windows for b in blocks if b.windows is not None and b.windows.num_rows]
    if windows:
        session.copy_arrow("windows", pa.concat_tables(windows, promote_options="permissive"))


def copy_by_halves(session: PgSession, table: pa.Table) -> list[tuple[int, str]]:
    """Copy the records that Postgres takes; position and reason of each that it refuses."""
    refused: list[tuple[int, str]] = []

    def land(first: int, count: int) -> None:
        part = _core.LogBatch.from_arrow(table.slice(first, count).combine_chunks())
        session.execute("SAVEPOINT half")
        try:
            session.copy_logs("logs", part)
        except StoreError as error:
            if error.blames_server:
                raise
            session.execute("ROLLBACK TO SAVEPOINT half")
            if count == 1:
                refused.append((first, str(error)))
                return
            half = count // 2
            land(first, half)
            land(first + half, count - half)
            return
        session.execute("RELEASE SAVEPOINT half")

    land(0, table.num_rows)
    return refused


def rejects_of(block: Block) -> pa.Table:
    """The rejects with the key of the block, or of the receipt, that they came with."""
    table = pa.table(block.logs._core.rejected())
    if block.key:
        keys = [block.key] * table.num_rows
    else:
        keys = [r.key for r in block.receipts for _ in range(r.rejected)]
    return table.append_column("block", pa.array(keys, pa.string()))


def months_of(logs: LogBatch) -> set[tuple[int, int]]:
    """Year and month of the records: the partitions that they need."""
    stamps = pa.table(logs._core)["timestamp"]
    ends = pc.min_max(stamps).as_py()
    first, last = ends["min"], ends["max"]
    if (first.year, first.month) == (last.year, last.month):
        return {(first.year, first.month)}
    months = pc.unique(pc.floor_temporal(stamps, unit="month"))
    return {(m.year, m.month) for m in months.to_pylist()}


def months_from_now(year: int, month: int) -> int:
    """Months from this one (UTC) to the given one; below zero in the past."""
    now = datetime.now(UTC)
    return (year - now.year) * 12 + month - now.month
