"""Taking records in. The routes that matter for speed are raw ASGI, see ``api.ingest``."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from logforest import _core
from logforest.api.bodies import decode, encoding_of, format_of, read_body
from logforest.api.ingest import IngestEndpoint, answer_json
from logforest.api.problems import Problem, ProblemRoute
from logforest.batch import LogBatch
from logforest.pipeline.group import parse_masked
from logforest.queues.base import Answer

__all__ = ["DOCUMENTED", "FAST_PATHS", "STORED_PATHS", "router"]

#: Answered 202; the service serves these before the application, see ``api.app``.
FAST_PATHS = ("/api/v1/logs/ingest", "/ingest", "/data/fast", "/api/v1/data/fast")
#: Answered 201 with the ids, after the commit.
STORED_PATHS = ("/data/", "/data", "/api/v1/data/", "/api/v1/data")

router = APIRouter(tags=["ingest"], route_class=ProblemRoute)
router.routes.extend(Route(path, IngestEndpoint(), methods=["POST"]) for path in FAST_PATHS)
router.routes.extend(
    Route(path, IngestEndpoint(ids=True), methods=["POST"]) for path in STORED_PATHS
)

_PARSE_ROWS = 10_000


@router.post("/parse/auto", summary="Parse raw lines and return the records")
@router.post("/api/v1/parse/auto", include_in_schema=False)
async def parse_auto(request: Request, format: str = "auto", store: bool = False) -> Response:
    """What would become of these lines; with ``store=true`` they are kept too.

    Personal data is masked as it would be in the store.
    """
    service = request.app.state.service
    settings = service.settings
    format_of(request.headers.get("content-type", ""))
    length = request.headers.get("content-length", "")
    announced = int(length) if length.isdigit() else None
    body = await read_body(request.receive, settings.max_body_mb << 20, announced)
    undo = encoding_of(request.headers.get("content-encoding", ""), body)
    if undo:
        body = await run_in_threadpool(decode, body, undo, settings)
    if not body:
        raise Problem(400, "the body is empty; send some lines")
    if format != "auto" and format not in _core.format_names():
        raise Problem(
            422, f"format: {format[:50]!r} is none of auto, {', '.join(_core.format_names())}"
        )
    stored: Answer | None = await service.take(body, format=format) if store else None
    return await run_in_threadpool(_render, body, format, stored)


def _render(body: bytes, format: str, stored: Answer | None) -> Response:
    logs = parse_masked(body, format=format)
    if stored is not None and stored.first_id is not None:
        _core.assign_ids(logs, stored.first_id)
    rows = _core.render_ndjson(logs, limit=_PARSE_ROWS).splitlines()
    head = {
        "format": logs.format,
        "records": logs.num_rows,
        "rejected": LogBatch._from_core(logs)
        .rejected.drop_columns("file")
        .slice(0, 100)
        .to_pylist(),
        "counts": logs.counts,
        "stored": stored and answer_json(stored),
    }
    text = orjson.dumps(head)[:-1] + b',"items":[' + b",".join(rows) + b"]}"
    return Response(text, 201 if stored else 200, media_type="application/json")


_ANSWER = {
    "type": "object",
    "properties": {
        "accepted": {"type": "integer"},
        "rejected": {
            "type": "array",
            "description": "the first hundred",
            "items": {
                "type": "object",
                "properties": {
                    "line": {"type": "integer"},
                    "offset": {"type": "integer"},
                    "reason": {"type": "string"},
                    "text": {"type": "string"},
                },
            },
        },
        "first_id": {"type": ["integer", "null"]},
    },
}


def _document(status: str, summary: str) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    return {
        "post": {
            "tags": ["ingest"],
            "summary": summary,
            "parameters": [
                {
                    "name": name,
                    "in": where,
                    "required": False,
                    "schema": {"type": "string"},
                    "description": description,
                }
                for name, where, description in (
                    ("format", "query", "a format's name; default: by Content-Type"),
                    ("service", "query", "for records that name none"),
                    ("source", "query", "for records that name none"),
                    ("Idempotency-Key", "header", "the same key gets the same answer"),
                    ("Content-Encoding", "header", "gzip, zstd or deflate"),
                )
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"type": ["object", "array"]}},
                    "application/x-ndjson": text,
                    "text/plain": text,
                },
            },
            "responses": {
                status: {
                    "description": "Taken",
                    "content": {"application/json": {"schema": _ANSWER}},
                },
                **{
                    code: {"description": what, "content": {"application/problem+json": {}}}
                    for code, what in (
                        ("400", "Empty or damaged"),
                        ("413", "Too large"),
                        ("415", "Not logs"),
                        ("422", "Key used for another body"),
                        ("429", "Overloaded: see Retry-After"),
                        ("507", "Disk full"),
                    )
                },
            },
        }
    }


#: Paths for the OpenAPI document, which does not see raw ASGI routes.
DOCUMENTED = {
    "/api/v1/logs/ingest": _document("202", "Take a record, an array, NDJSON or raw lines"),
    "/data/": _document("201", "The same, answered with the ids of the stored records"),
    "/data/fast": _document("202", "The same as /api/v1/logs/ingest"),
}
