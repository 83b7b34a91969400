"""Anomalies: what was found, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query

from logforest import _core
from logforest.api.params import RowId, ServiceDep, Span, split
from logforest.api.problems import Problem, ProblemRoute
from logforest.stores.filters import encode_cursor

__all__ = ["anomaly_rows", "router"]

router = APIRouter(tags=["anomalies"], route_class=ProblemRoute)

_CONTEXT_LINES = 5


def anomaly_rows(table: Any) -> list[dict[str, Any]]:
    """Rows of the anomalies table as JSON values."""
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, datetime):
                row[name] = value.isoformat().replace("+00:00", "Z")
    return rows


@router.get("/api/v1/anomalies", summary="Anomalies, newest first")
@router.get("/anomalies", include_in_schema=False)
def anomalies(
    service_state: ServiceDep,
    span: Span,
    service: Annotated[list[str] | None, Query()] = None,
    severity: Annotated[list[str] | None, Query(description="low, medium, high, critical")] = None,
    kind: Annotated[list[str] | None, Query()] = None,
    limit: Annotated[int, Query(ge=0)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """Each with its reasons in words and the contributions behind the score."""
    limit = min(limit, service_state.settings.page_size_max)
    table = service_state.store.anomalies(
        since=span.since,
        until=span.until,
        service=split(service),
        severity=split(severity),
        kind=split(kind),
        limit=limit + 1,
        cursor=cursor or None,
    )
    following = None
    if table.num_rows > limit:
        table = table.slice(0, limit)
        if limit:
            last = limit - 1
            following = encode_cursor(table["timestamp"][last].value, table["id"][last].as_py())
    return {"items": anomaly_rows(table), "next_cursor": following}


@router.get("/api/v1/anomalies/{anomaly_id}", summary="One anomaly with its context")
@router.get("/anomalies/{anomaly_id}", include_in_schema=False)
def anomaly(service: ServiceDep, anomaly_id: RowId) -> dict[str, Any]:
    """The anomaly, its record, and the lines of the same service around it."""
    rows = anomaly_rows(service.store.anomalies(anomaly_id=anomaly_id, limit=1))
    if not rows:
        raise Problem(404, f"there is no anomaly {anomaly_id}")
    row = rows[0]
    lines = service.store.context(row["log_id"], lines=_CONTEXT_LINES)
    context = [orjson.loads(line) for line in _core.render_ndjson(lines._core).splitlines()]
    row["context"] = context
    row["log"] = next((line for line in context if line["id"] == row["log_id"]), None)
    return row
