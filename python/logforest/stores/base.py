"""The contract of a store; DuckDB and Postgres pass the same tests (tests/contract)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.batch import LogBatch


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Filters of ``GET /api/v1/logs``. Newest first unless ``ascending``; empty means all."""

    q: str | None = None  # substring or words in the message
    level: Sequence[str] = ()
    service: Sequence[str] = ()
    source: Sequence[str] = ()
    category: Sequence[str] = ()
    tenant: str | None = None
    template: int | None = None
    status_min: int | None = None
    status_max: int | None = None
    since: datetime | None = None  # inclusive, aware
    until: datetime | None = None  # exclusive, aware
    limit: int = 100
    offset: int = 0
    cursor: str | None = None  # opaque: keyset on (timestamp, id)
    ascending: bool = False


@dataclass(slots=True)
class LogPage:
    """One page: the records, the cursor of the next page (None at the end)."""

    logs: LogBatch
    next_cursor: str | None


@dataclass(slots=True)
class Block:
    """A batch ready to be committed in ONE transaction: records, rejects, windows, ledger row.

    ``key`` names the block for ever: a second commit of the same key changes nothing and
    returns the first commit's ids (exactly-once effect over at-least-once delivery).
    """

    key: str
    logs: LogBatch  # masked, enriched, ids set
    windows: pa.Table  # 1-minute mergeable partial aggregates of these records
    extra: dict[str, object] = field(default_factory=dict)


class Store(Protocol):
    """Thread safe. Every method raises StoreError, with ``retryable`` set."""

    def commit(self, blocks: Sequence[Block]) -> None:
        """Store blocks (records, rejects, window deltas, ledger) in one durable transaction."""

    def next_id(self) -> int:
        """The first id never given yet (embedded stores; servers get theirs from the queue)."""

    def append(self, logs: LogBatch, *, mask: bool = True) -> tuple[int, int]:
        """Mask, enrich, number and commit ``logs``; return (first id, count)."""

    def logs(self, query: LogQuery | None = None, **filters: object) -> LogBatch:
        """Records that match, newest first."""

    def page(self, query: LogQuery) -> LogPage:
        """Records that match, with a cursor."""

    def count(self, query: LogQuery) -> int:
        """How many records match, all pages together."""

    def windows(
        self,
        *,
        every: str = "1m",
        by: Sequence[str] = ("service", "level"),
        since: datetime | None = None,
        until: datetime | None = None,
        tenant: str | None = None,
    ) -> pa.Table:
        """Aggregates as of ``lf.aggregate``, answered from the windows table, never from logs."""

    def add_anomalies(self, anomalies: pa.Table) -> int:
        """Keyed by (log_id, model_version): repeats are harmless. Returns how many were new."""

    def anomalies(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        service: str | None = None,
        severity: Sequence[str] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> pa.Table:
        """Anomalies, newest first."""

    def alerts(
        self, *, status: Literal["open", "acknowledged", "resolved"] | None = None
    ) -> pa.Table:
        """Alerts, newest first."""

    def sql(self, query: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Read-only SQL."""

    def close(self) -> None:
        """Release everything; idempotent."""
