"""The application: FastAPI with all routers, and the hot ingest path in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

import logforest
from logforest.api import problems
from logforest.api.hosts import AllowedHosts
from logforest.api.ingest import IngestEndpoint, encode_problem
from logforest.api.problems import Problem
from logforest.api.routers import analytics, anomalies, health, ingest, live, logs, page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from logforest.service import Service

__all__ = ["create_app"]


def create_app(service: Service, hosts: AllowedHosts | None = None) -> ASGIApp:
    """The whole HTTP side of a service, as one ASGI application.

    Parameters
    ----------
    service
        A running service; it is closed by whoever opened it.
    hosts
        The names under which it may be addressed; None: any.
    """
    app = FastAPI(
        title="logforest",
        version=logforest.__version__,
        description="Log analytics with anomaly detection.",
        docs_url=None,  # the stock pages load scripts from another host
        redoc_url=None,
    )
    app.state.service = service
    problems.install(app)
    for module in (ingest, logs, analytics, anomalies, health, live, page):
        app.include_router(module.router)
    _document(app)
    return _Front(app, service, hosts or AllowedHosts(None))


def _document(app: FastAPI) -> None:
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema["paths"] = {**ingest.DOCUMENTED, **schema["paths"]}
            _document_problems(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend it


def _document_problems(schema: dict[str, Any]) -> None:
    """Whatever an operation refuses, it answers with the same kind of document."""
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = {
        "description": "RFC 9457",
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
        },
    }
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in schema["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            for status in [status for status in answers if status >= "400"]:
                answers[status]["content"] = content
            answers["default"] = {"description": "A problem", "content": content}


class _Front:
    """Serves the ingest paths itself, counts the answers of the application behind it."""

    def __init__(self, app: FastAPI, service: Service, hosts: AllowedHosts) -> None:
        self.app = app
        self._hosts = hosts
        self._metrics = service.metrics
        fast, stored = IngestEndpoint(service), IngestEndpoint(service, ids=True)
        self._direct = dict.fromkeys(ingest.FAST_PATHS, fast) | dict.fromkeys(
            ingest.STORED_PATHS, stored
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                self._hosts.check(scope.get("method", "websocket"), scope["headers"])
            except Problem as problem:
                await self._refuse(scope, send, problem)
                return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        direct = self._direct.get(scope["path"])
        if direct is not None and scope["method"] == "POST":
            await direct(scope, receive, send)
            return

        head = scope["method"] == "HEAD"

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.count_request(message["status"])
            elif head:
                message = {**message, "body": b""}
            await send(message)

        # What answers GET answers HEAD, without a body (RFC 9110, 9.3.2): probes ask so.
        await self.app({**scope, "method": "GET"} if head else scope, receive, counted)

    async def _refuse(self, scope: Scope, send: Send, problem: Problem) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:100]})
            return
        status, headers, body = encode_problem(problem, scope["path"])
        self._metrics.count_request(status)
        headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
