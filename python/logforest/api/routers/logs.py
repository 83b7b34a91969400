"""Reading records: search, recent, one by id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response
from starlette.responses import Response as PlainResponse

from logforest import _core
from logforest._arrow import ipc_stream
from logforest.api.params import Format, Logs, RowId, ServiceDep
from logforest.api.problems import Problem, ProblemRoute
from logforest.batch import LogBatch
from logforest.service import Service
from logforest.stores.base import LogQuery, Total

__all__ = ["router"]

router = APIRouter(tags=["logs"], route_class=ProblemRoute)

_COUNT_TTL = 5.0
_TYPES = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}


_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind.partition(";")[0]: {} for kind in _TYPES.values()}}
}


def json_items(logs: LogBatch) -> bytes:
    """Records as a JSON array."""
    return b"[" + b",".join(_core.render_ndjson(logs._core).splitlines()) + b"]"


def _total(service: Service, query: LogQuery) -> Total:
    plain = replace(query, cursor=None, offset=0, limit=None, ascending=False)
    total: Total = service.cache.get(
        ("count", plain),
        ttl=_COUNT_TTL,
        version=service.version,
        make=lambda: service.store.total(plain),
    )
    return total


def _search(service: Service, query: LogQuery, format: Format) -> Response:
    page = service.store.page(query)
    rows = page.logs.num_rows
    first_page = not query.offset and query.cursor is None
    complete = first_page and query.limit is not None and rows < query.limit
    total = Total(rows) if complete else _total(service, query)
    if not total.exact and query.cursor is None and total.value < query.offset + rows:
        total = Total(query.offset + rows, exact=False)
    headers = {
        "X-Total-Count": str(total.value),
        "X-Total-Relation": "eq" if total.exact else "gte",
    }
    if page.next_cursor:
        headers["X-Next-Cursor"] = page.next_cursor
    if format == "json":
        cursor = b'"%s"' % page.next_cursor.encode() if page.next_cursor else b"null"
        body = b'{"items":%s,"next_cursor":%s,"total":%d%s}' % (
            json_items(page.logs), cursor, total.value,
            b"" if total.exact else b',"total_relation":"gte"',
        )  # fmt: skip
        return PlainResponse(body, 200, headers, "application/json")
    if format == "csv":
        body = _core.render_csv(page.logs._core)
        headers["Content-Disposition"] = 'attachment; filename="logs.csv"'
    elif format == "ndjson":
        body = _core.render_ndjson(page.logs._core)
    else:
        body = ipc_stream(page.logs.to_arrow())
    return PlainResponse(body, 200, headers, _TYPES[format])


@router.get("/api/v1/logs", summary="Search records, newest first", responses=_DOCUMENTED)
@router.get("/logs/search", include_in_schema=False)
@router.get("/api/v1/logs/search", include_in_schema=False)
@router.get("/logs", include_in_schema=False)
def search(service: ServiceDep, query: Logs, format: Format = "json") -> Response:
    """Records that match all filters; ``X-Total-Count`` counts all pages together.

    Where counting all would take long, it is how many there are at least: then
    ``X-Total-Relation`` is ``gte`` instead of ``eq``.
    """
    return _search(service, query, format)


@router.get("/recent", summary="The latest records", responses=_DOCUMENTED)
@router.get("/api/v1/logs/recent", include_in_schema=False)
@router.get("/logs/recent", include_in_schema=False)
def recent(service: ServiceDep, query: Logs, format: Format = "json") -> Response:
    """As ``/api/v1/logs``."""
    return _search(service, query, format)


@router.get("/logs/{log_id:int}", summary="One record")
@router.get("/api/v1/logs/{log_id:int}", include_in_schema=False)
def one(service: ServiceDep, log_id: RowId) -> Response:
    """The record with this id."""
    found = service.store.log(log_id)
    if not found.num_rows:
        raise Problem(404, f"there is no record {log_id}")
    return PlainResponse(_core.render_ndjson(found._core).strip(), media_type="application/json")


@router.get("/logs/{log_id:int}/context", summary="A record and its neighbours")
@router.get("/api/v1/logs/{log_id:int}/context", include_in_schema=False)
def context(service: ServiceDep, log_id: RowId, lines: int = 5) -> Response:
    """Up to ``lines`` records of the same service before and after it, oldest first."""
    found = service.store.context(log_id, lines=max(0, min(lines, 200)))
    if not found.num_rows:
        raise Problem(404, f"there is no record {log_id}")
    return PlainResponse(b'{"items":%s}' % json_items(found), media_type="application/json")
