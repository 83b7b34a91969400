"""The contract of a store; DuckDB and Postgres pass the same tests (tests/contract)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from logforest.errors import ConfigError
from logforest.values import instant, names, whole
from logforest.windows import BASE_KEYS, aggregate

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.batch import LogBatch
    from logforest.values import When
    from logforest.windows import WindowTable

__all__ = ["Block", "LogPage", "LogQuery", "Receipt", "Store", "Total", "partials"]


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Filters of ``GET /api/v1/logs``. Newest first unless ``ascending``; empty means all."""

    q: str | None = None  # words that must all occur in the message, case-blind; "a phrase"
    level: Sequence[str] = ()
    service: Sequence[str] = ()
    source: Sequence[str] = ()
    category: Sequence[str] = ()
    tenant: str | None = None
    template: int | None = None  # a template's id or any fingerprint that belongs to it
    status_min: int | None = None
    status_max: int | None = None
    since: datetime | None = None  # inclusive; what has no zone is UTC
    until: datetime | None = None  # exclusive
    limit: int | None = 100  # None: all
    offset: int = 0
    cursor: str | None = None  # opaque: keyset on (timestamp, id)
    ascending: bool = False

    def __post_init__(self) -> None:
        # level="ERROR" means one level, not five letters; times as of values.instant.
        put = partial(object.__setattr__, self)
        for name in ("level", "service", "source", "category"):
            put(name, names(name, getattr(self, name)))
        for name in ("since", "until"):
            put(name, instant(name, getattr(self, name)))
        for name in ("status_min", "status_max"):
            if getattr(self, name) is not None:  # the column is an int16
                put(name, max(-(2**15), min(2**15 - 1, whole(name, getattr(self, name)))))
        if self.template is not None:
            put("template", whole("template", self.template))
        if self.limit is not None:
            put("limit", whole("limit", self.limit, 0))
        put("offset", whole("offset", self.offset, 0))
        for name in ("q", "tenant", "cursor"):
            value = getattr(self, name)
            if not (value is None or isinstance(value, str)):
                raise ConfigError(f"{name}: give text, not {value!r}")
        if self.q is not None:
            put("q", self.q.encode("utf-8", "replace").decode())  # lone surrogates are in no log

    @classmethod
    def of(cls, query: Self | None, filters: dict[str, Any]) -> Self:
        """A query with filters on top; without a query all records, not only a page of them."""
        if query is not None:
            return replace(query, **filters) if filters else query
        try:
            return cls(**{"limit": None, **filters})
        except TypeError as error:
            raise ConfigError(f"logs: {str(error).split('() ')[-1]}") from None


@dataclass(slots=True)
class LogPage:
    """One page: the records, the cursor of the next page (None at the end)."""

    logs: LogBatch
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Total:
    """How many records match; where that would cost too much, how many at least."""

    value: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Receipt:
    """A ledger row: what was committed under a key, and what the sender was told."""

    key: str
    digest: str  # of the body as sent: the same key with another body is refused
    first_id: int
    records: int
    rejected: int
    answer: str  # JSON


@dataclass(slots=True)
class Block:
    """A batch ready to be committed in ONE transaction: records, rejects, windows, ledger.

    A receipt's key names its part of the block for ever. The store does not look for repeats
    itself: the caller asks :meth:`Store.receipts` first, and only one caller commits a key.
    """

    key: str
    logs: LogBatch  # masked, enriched, ids set
    windows: pa.Table | None  # 1-minute mergeable partial aggregates of these records
    receipts: Sequence[Receipt] = field(default_factory=tuple)


def partials(logs: LogBatch) -> pa.Table | None:
    """Mergeable 1-minute aggregates of a batch, as :class:`Block` has them."""
    if not logs.num_rows:
        return None
    return aggregate(logs, every="1m", by=BASE_KEYS, threads=1).partials()


class Store(Protocol):
    """Thread safe. Every method raises StoreError, with ``retryable`` set."""

    @property
    def version(self) -> int | None:
        """Changes whenever the contents change; None where that is not known (many writers)."""

    def commit(self, blocks: Sequence[Block]) -> set[str] | None:
        """Store blocks (records, rejects, window deltas, ledger) in one durable transaction."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def receipts(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """The ledger rows of those keys that were committed before."""

    def reserve_ids(self, count: int) -> int:
        """Give out ``count`` ids of a direct write; return the first."""

    def next_id(self) -> int:
        """The first id never given yet (embedded stores; servers get theirs from the queue)."""

    def append(self, logs: Any, *, key: str | None = None) -> tuple[int, int]:
        """Mask, enrich, number and commit ``logs``, a LogBatch or what :meth:`LogBatch.from_arrow`
        takes; return (first id, count). Under a ``key`` that was committed before, nothing is
        stored, and the answer is that of the first time.
        """

    def logs(self, query: LogQuery | None = None, **filters: object) -> LogBatch:
        """Records that match, newest first; all of them unless ``limit`` is given."""

    def page(self, query: LogQuery) -> LogPage:
        """Records that match, with a cursor."""

    def count(self, query: LogQuery) -> int:
        """How many records match, all pages together."""

    def total(self, query: LogQuery) -> Total:
        """As :meth:`count`, in bounded time: "at least" where an exact count would take longer."""

    def log(self, log_id: int) -> LogBatch:
        """One record by id; empty when there is none."""

    def context(self, log_id: int, *, lines: int = 5) -> LogBatch:
        """The record and up to ``lines`` of the same service before and after it, oldest first."""

    def windows(
        self,
        *,
        every: str = "1m",
        by: Sequence[str] | str = ("service", "level"),
        since: When = None,
        until: When = None,
        tenant: str | None = None,
    ) -> WindowTable:
        """Aggregates as of ``lf.aggregate``, answered from the windows table, never from logs."""

    def time_range(
        self,
        *,
        since: When = None,
        until: When = None,
        tenant: str | None = None,
    ) -> tuple[datetime, datetime] | None:
        """First and last minute that hold records; None when there are none."""

    def templates(
        self,
        *,
        since: When = None,
        until: When = None,
        tenant: str | None = None,
        limit: int = 100,
    ) -> pa.Table:
        """The most frequent templates: template_id, template, count, error_count, first_seen,
        last_seen, service (one of ``services``), level (the highest), fingerprints, example.

        ``template_id`` is the smallest of the ``fingerprints`` that were mined into one template.
        """

    def update_templates(self) -> bool:
        """Count and group what was committed since the last call; whether there was anything."""

    def add_anomalies(self, anomalies: pa.Table | None, *, detected_id: int | None = None) -> int:
        """Keyed by (log_id, model_version, kind): repeats are harmless. Returns how many were new.

        ``detected_id`` is kept in the same transaction: every record up to it has been scored.
        """

    def detected_id(self) -> int:
        """The last record that detection has dealt with; 0 when none."""

    def after(self, log_id: int, until: int, limit: int) -> LogBatch:
        """The first ``limit`` records with ``log_id < id <= until``, in order of id."""

    def anomalies(
        self,
        *,
        anomaly_id: int | None = None,
        since: When = None,
        until: When = None,
        service: Sequence[str] = (),
        severity: Sequence[str] = (),
        kind: Sequence[str] = (),
        tenant: str | None = None,
        limit: int | None = 100,
        cursor: str | None = None,
    ) -> pa.Table:
        """Anomalies, newest first."""

    def alerts(
        self, *, status: Literal["open", "acknowledged", "resolved"] | None = None
    ) -> pa.Table:
        """Alerts, newest first."""

    def sql(self, query: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Read-only SQL."""

    def fold_windows(self) -> int:
        """Merge the window deltas of many commits when it is worth it; how many rows went."""

    def maintain(self, *, idle: bool) -> None:
        """Housekeeping between commits; ``idle`` says that nothing is waiting."""

    def close(self) -> None:
        """Release everything; idempotent."""
