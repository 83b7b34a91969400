"""From a :class:`LogQuery` to SQL conditions with numbered parameters, for every dialect.

Only this module turns what a user typed into SQL; values always travel as parameters.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from logforest.errors import ConfigError
from logforest.values import (
    ALERT_STATES,
    CATEGORIES,
    LEVELS,
    SEVERITIES,
    instant,
    names,
    one_of,
    whole,
)

if TYPE_CHECKING:
    from logforest.stores.base import LogQuery
    from logforest.values import When

__all__ = [
    "Conditions",
    "alert_conditions",
    "anomaly_conditions",
    "decode_cursor",
    "encode_cursor",
    "from_us",
    "log_conditions",
]

# A template's id is that of one of its fingerprints; any of them stands for all.
_SAME_TEMPLATE = (
    "template_id IN (SELECT m.template_id FROM templates g JOIN templates m USING (group_id) "
    "WHERE g.template_id = {} UNION ALL SELECT {})"
)


class Conditions:
    """``WHERE`` conditions joined by AND, with parameters ``$1``, ``$2``, ..."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.parameters: list[object] = []

    def parameter(self, value: object) -> str:
        """Add a parameter; return its placeholder."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def add(self, condition: str, *values: object) -> None:
        """Add a condition whose ``{}`` stand for ``values``."""
        self.parts.append(condition.format(*(self.parameter(value) for value in values)))

    def within(
        self, tenant: str | None, since: When, until: When, column: str = "timestamp"
    ) -> None:
        """Add a tenant and a span of time, ``until`` not included; None: all."""
        if tenant is not None:
            self.add("tenant = {}", tenant)
        first, end = instant("since", since), instant("until", until)
        if first is not None and column == "window_start":  # the minute that it lies in
            first = first.replace(second=0, microsecond=0)
        if first is not None:
            self.add(f"{column} >= {{}}", first)
        if end is not None:
            self.add(f"{column} < {{}}", end)

    def add_in(self, column: str, values: str | Sequence[str] | None) -> None:
        """Column is one of ``values``; nothing when there are none."""
        if wanted := names(column, values):
            self.parts.append(f"{column} IN ({', '.join(self.parameter(v) for v in wanted)})")

    @property
    def where(self) -> str:
        """``WHERE ...`` or the empty string."""
        return "WHERE " + " AND ".join(self.parts) if self.parts else ""


def encode_cursor(timestamp_us: int, row_id: int) -> str:
    """Name a place in the order (timestamp, id); opaque to clients."""
    return base64.urlsafe_b64encode(orjson.dumps([timestamp_us, row_id])).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, int]:
    """Inverse of :func:`encode_cursor`; ConfigError for anything else."""
    try:
        raw = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        timestamp_us, row_id = raw
    except (ValueError, TypeError, binascii.Error):
        raw = None
    if not (isinstance(raw, list) and type(timestamp_us) is int and type(row_id) is int):
        raise ConfigError("cursor: not one that this service gave out; start without a cursor")
    return timestamp_us, row_id


def from_us(timestamp_us: int) -> datetime:
    """Microseconds since 1970 as an aware datetime; ConfigError when out of range."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=timestamp_us)
    except OverflowError:
        raise ConfigError(f"time {timestamp_us} us is out of range") from None


def search_terms(q: str) -> list[str]:
    """Words of a search, all of which must occur; quotes keep a phrase together."""
    try:
        return shlex.split(q, posix=True) if '"' in q else q.split()
    except ValueError:  # an open quote: take the text as it is
        return [q]


def log_conditions(
    query: LogQuery,
    *,
    text_match: Callable[[Conditions, str], str],
    paging: bool = True,
    time_column: str = "timestamp",
) -> Conditions:
    """Conditions of a query on table ``logs``, or on another with the columns that it asks for.

    ``text_match(conditions, term)`` is the dialect's case-blind substring test on ``message`` of
    a term in lower case.
    With ``paging=False`` the cursor is left out (for counting all pages).
    """
    c = Conditions()
    c.add_in("level", one_of("level", query.level, LEVELS))
    c.add_in("service", query.service)
    c.add_in("source", query.source)
    c.add_in("category", one_of("category", query.category, CATEGORIES))
    if query.template is not None:
        c.add(_SAME_TEMPLATE, query.template, query.template)
    if query.status_min is not None:
        c.add("status_code >= {}", query.status_min)
    if query.status_max is not None:
        c.add("status_code <= {}", query.status_max)
    c.within(query.tenant, query.since, query.until, time_column)
    for term in search_terms(query.q or ""):
        c.parts.append(text_match(c, term.lower()))
    if paging and query.cursor:
        timestamp_us, row_id = decode_cursor(query.cursor)
        at, before = from_us(timestamp_us), ">" if query.ascending else "<"
        # The plain bound on timestamp lets the store skip what cannot match.
        c.add(
            f"timestamp {before}= {{}} AND (timestamp {before} {{}} OR id {before} {{}})",
            at,
            at,
            row_id,
        )
    return c


def anomaly_conditions(
    *,
    anomaly_id: int | None = None,
    since: When = None,
    until: When = None,
    service: Sequence[str] = (),
    severity: Sequence[str] = (),
    kind: Sequence[str] = (),
    tenant: str | None = None,
) -> Conditions:
    """Conditions on table ``anomalies``; filters as of :class:`logforest.stores.base.Store`."""
    c = Conditions()
    c.within(tenant, since, until)
    c.add_in("service", service)
    c.add_in("severity", one_of("severity", severity, SEVERITIES))
    c.add_in("kind", kind)
    if anomaly_id is not None:
        c.add("id = {}", whole("anomaly_id", anomaly_id))
    return c


def alert_conditions(status: str | None) -> Conditions:
    """Conditions on table ``alerts``."""
    c = Conditions()
    if status is not None:
        c.add_in("status", one_of("status", [status], ALERT_STATES))
    return c
