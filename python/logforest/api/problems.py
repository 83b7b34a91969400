"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from logforest.errors import LogforestError, QueueError, StoreError
from logforest.queues.base import QueueFull

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["Problem", "ProblemRoute", "install", "problem_body", "problem_of"]

_INSUFFICIENT_STORAGE = 507


class Problem(Exception):
    """An answer other than success, raised anywhere below a route."""

    def __init__(
        self, status: int, detail: str, *, headers: dict[str, str] | None = None, **extra: object
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra


def problem_body(status: int, detail: str, instance: str = "", **extra: object) -> bytes:
    """The JSON document."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if instance:
        body["instance"] = instance
    return orjson.dumps(body | extra)


def problem_of(error: Exception) -> Problem:
    """What to answer for an error of ours; anything else is a 500 that tells nothing."""
    from logforest.pipeline.receipts import KeyReused

    if isinstance(error, Problem):
        return error
    status, headers = 500, {}
    if isinstance(error, QueueFull):
        status, headers = 429, {"retry-after": str(error.retry_after)}
    elif isinstance(error, StoreError) and error.code == "disk_full":
        status, headers = _INSUFFICIENT_STORAGE, {"retry-after": "30"}
    elif isinstance(error, (QueueError, StoreError)):
        status, headers = 503, {"retry-after": "5"}
    elif isinstance(error, KeyReused):
        status = 422
    elif isinstance(error, LogforestError):
        status = 400
    detail = "an internal error; the service's log has the details" if status == 500 else str(error)
    return Problem(status, detail, headers=headers)


def _response(request: Request, problem: Problem) -> Response:
    return Response(
        problem_body(problem.status, problem.detail, request.url.path, **problem.extra),
        problem.status,
        problem.headers,
        "application/problem+json",
    )


def _ours(request: Request, error: Exception) -> Response:
    return _response(request, problem_of(error))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"pointer": "/".join(str(part) for part in e["loc"]), "detail": e["msg"]}
        for e in error.errors()
    ]
    first = errors[0]
    detail = f"{first['pointer']}: {first['detail']}"
    return _response(request, Problem(422, detail, errors=errors))


class ProblemRoute(APIRoute):
    """A route that answers its own refusals, whatever application it is included in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI: custom request and APIRoute class."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except (Problem, LogforestError) as error:
                return _ours(request, error)
            except RequestValidationError as error:
                return _invalid(request, error)

        return guarded


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    from starlette.exceptions import HTTPException

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        return _response(request, Problem(error.status_code, str(error.detail), headers=headers))

    app.add_exception_handler(Problem, _ours)
    app.add_exception_handler(LogforestError, _ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _ours)
