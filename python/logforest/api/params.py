"""Query parameters of the read routes: parsed here once, the same on every route."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Depends, Path, Query, Request

from logforest.api.problems import Problem
from logforest.service import Service
from logforest.stores.base import LogQuery
from logforest.values import parse_time, status_range

__all__ = ["Format", "Logs", "RowId", "ServiceDep", "Span", "TimeSpan", "split"]

_INT64 = 2**63
RowId = Annotated[int, Path(ge=0, lt=_INT64)]
Format = Literal["json", "ndjson", "csv", "arrow"]


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]


class TimeSpan:
    """``since`` (inclusive), ``until`` (exclusive), ``sinceMinutes``."""

    def __init__(
        self,
        since: Annotated[str | None, Query(description="ISO 8601, epoch, or 15m ago")] = None,
        until: Annotated[str | None, Query(description="ISO 8601, epoch, or 15m ago")] = None,
        since_minutes: Annotated[float | None, Query(alias="sinceMinutes", gt=0, le=1e8)] = None,
    ) -> None:
        self.since = parse_time("since", since)
        self.until = parse_time("until", until)
        if since_minutes is not None and self.since is None:
            self.since = datetime.now(UTC) - timedelta(minutes=since_minutes)
        if self.since and self.until and self.since >= self.until:
            raise Problem(422, "since must be before until")

    @property
    def key(self) -> tuple[object, ...]:
        """For caches: relative times move on in steps of ten seconds."""
        return tuple(t and int(t.timestamp()) // 10 for t in (self.since, self.until))


Span = Annotated[TimeSpan, Depends(TimeSpan)]


def split(*groups: Sequence[str] | None) -> tuple[str, ...]:
    """Values of repeated parameters and of comma-separated ones, each once."""
    values = (
        part.strip() for group in groups for value in group or () for part in value.split(",")
    )
    return tuple(dict.fromkeys(value for value in values if value))


def _log_query(
    service_state: ServiceDep,
    span: Span,
    q: Annotated[str | None, Query(max_length=1000, description='words; "a phrase"')] = None,
    level: Annotated[list[str] | None, Query(description="one or several, or a,b")] = None,
    levels: Annotated[list[str] | None, Query(include_in_schema=False)] = None,
    service: Annotated[list[str] | None, Query()] = None,
    source: Annotated[list[str] | None, Query()] = None,
    category: Annotated[list[str] | None, Query()] = None,
    template: Annotated[int | None, Query(ge=-_INT64, lt=_INT64, description="template_id")] = None,
    status: Annotated[str | None, Query(description="404, 400-499 or 5xx")] = None,
    status_min: Annotated[int | None, Query(ge=0, le=999)] = None,
    status_max: Annotated[int | None, Query(ge=0, le=999)] = None,
    limit: Annotated[int, Query(ge=0)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    order: Literal["desc", "asc"] = "desc",
) -> LogQuery:
    low, high = status_range(status) if status else (status_min, status_max)
    return LogQuery(
        q=q,
        level=split(level, levels),
        service=split(service),
        source=split(source),
        category=split(category),
        template=template,
        status_min=low,
        status_max=high,
        since=span.since,
        until=span.until,
        limit=min(limit, service_state.settings.page_size_max),
        offset=offset,
        cursor=cursor or None,
        ascending=order == "asc",
    )


Logs = Annotated[LogQuery, Depends(_log_query)]
