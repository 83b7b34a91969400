"""The ingest path: raw ASGI, because one record in one request must cost microseconds.

``IngestEndpoint`` is an ASGI application. The service puts it in front of the FastAPI application
for its own paths; ``routers.ingest`` mounts the same object, so that people who only include our
routers get the same behaviour.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import orjson

from logforest import _core
from logforest.api.bodies import ClientGone, decode, encoding_of, format_of, read_body
from logforest.api.problems import Problem, problem_body, problem_of
from logforest.errors import LogforestError
from logforest.queues.base import Answer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from logforest.service import Service

__all__ = ["IngestEndpoint", "answer_json", "encode_answer", "encode_problem", "trace_of"]

log = logging.getLogger("logforest.api")

_INLINE_BYTES = 1 << 16  # smaller bodies are hashed and decompressed in the event loop itself
_KEY_BYTES = 255
_TRACE_BYTES = 55
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)")


def answer_json(answer: Answer) -> dict[str, object]:
    """The body of an answer; ``rejected`` holds the first hundred."""
    out: dict[str, object] = {
        "accepted": answer.accepted,
        "rejected": [
            {"line": r.line, "offset": r.offset, "reason": r.reason, "text": r.text}
            for r in answer.rejected
        ],
        "first_id": answer.first_id,
    }
    if answer.rejected_total > len(answer.rejected):
        out["rejected_total"] = answer.rejected_total
    return out


Encoded = tuple[int, list[tuple[bytes, bytes]], bytes]  # status, headers, body


def encode_answer(answer: Answer, *, ids: bool = False) -> Encoded:
    """The response that tells a sender what became of its body; ``ids``: name all of them."""
    if answer.rejected_total == 0 and not ids and answer.first_id is not None:
        body = b'{"accepted":%d,"rejected":[],"first_id":%d}' % (answer.accepted, answer.first_id)
    else:
        shown = answer_json(answer)
        if ids:
            first = answer.first_id or 0
            shown["ids"] = list(range(first, first + answer.accepted))
        body = orjson.dumps(shown)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    if answer.repeated:
        headers.append((b"idempotency-replayed", b"true"))
    return 201 if ids else 202, headers, body


def encode_problem(error: Exception, path: str) -> Encoded:
    """The response to a request that failed; what nobody foresaw goes to the log."""
    if not isinstance(error, (Problem, LogforestError)):
        log.error("ingest failed", exc_info=error)
    problem = problem_of(error)
    body = problem_body(problem.status, problem.detail, path, **problem.extra)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        *((k.encode(), v.encode()) for k, v in problem.headers.items()),
    ]
    if problem.status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body will not be read
    return problem.status, headers, body


class IngestEndpoint:
    """``POST``: take a body, answer when it is stored.

    Parameters
    ----------
    service
        Looked up at each request when None: ``scope["app"].state.service``.
    ids
        Answer 201 with all ids instead of 202.
    """

    def __init__(self, service: Service | None = None, *, ids: bool = False) -> None:
        self._service = service
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service: Service = self._service or scope["app"].state.service
        started = time.perf_counter()
        try:
            if scope["method"] != "POST":
                raise Problem(405, "use POST", headers={"allow": "POST"})
            answer = await self._take(service, scope, receive)
        except ClientGone:
            return
        except Exception as error:
            await _send_problem(service, scope, send, error)
            return
        service.metrics.ingest_seconds.observe(time.perf_counter() - started)
        status, headers, body = encode_answer(answer, ids=self._ids)
        service.metrics.count_request(status)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _take(self, service: Service, scope: Scope, receive: Receive) -> Answer:
        if service.draining:
            raise Problem(503, "the service is shutting down", headers={"retry-after": "5"})
        headers: dict[bytes, bytes] = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        announced = int(length) if length.isdigit() else None
        encoding = headers.get(b"content-encoding", b"").decode("latin-1")
        key = _checked_key(headers[b"idempotency-key"]) if b"idempotency-key" in headers else ""
        log_format = format_of(headers.get(b"content-type", b"").decode("latin-1"))
        tenant = scope.get("logforest.tenant", "default")
        service_name = source = ""
        if scope["query_string"]:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            log_format = query.get("format", [log_format])[-1]
            service_name = query.get("service", [""])[-1]
            source = query.get("source", [""])[-1]
        if log_format != "auto" and log_format not in _core.format_names():
            raise Problem(
                422,
                f"format: {log_format[:50]!r} is none of auto, {', '.join(_core.format_names())}",
            )
        body = await read_body(receive, service.settings.max_body_mb << 20, announced)
        if not body:
            raise Problem(400, "the body is empty; send one record, an array, or a record a line")
        service.metrics.received.inc(len(body))
        digest = ""
        if key:
            digest = (
                _digest(body)
                if len(body) <= _INLINE_BYTES
                else await asyncio.to_thread(_digest, body)
            )
        undo = encoding_of(encoding, body)
        if undo:
            body = await asyncio.to_thread(decode, body, undo, service.settings)
        elif len(body) > service.settings.max_decoded_mb << 20:
            raise Problem(413, f"the body is larger than {service.settings.max_decoded_mb} MB")
        return await service.take(
            body,
            direct=self._ids,
            tenant=tenant,
            format=log_format,
            service=service_name,
            source=source,
            key=key,
            digest=digest,
            trace=trace_of(headers.get(b"traceparent", b"")),
        )


def _checked_key(value: bytes) -> str:
    if not 1 <= len(value) <= _KEY_BYTES or not all(0x20 <= c < 0x7F for c in value):
        raise Problem(400, f"Idempotency-Key: 1 to {_KEY_BYTES} printable ASCII characters")
    return value.decode("ascii")


def trace_of(value: bytes) -> str:
    """A ``traceparent`` in the form of version 00; empty when it is none, as the standard asks.

    Source: W3C Trace Context, Recommendation of 23 November 2021, section 3.2.
    """
    found = _TRACEPARENT.match(value)
    if found is None or found[1] == b"ff" or (found[1] == b"00" and len(value) != _TRACE_BYTES):
        return ""
    if found[2].strip(b"0") == b"" or found[3].strip(b"0") == b"":
        return ""
    return value[:_TRACE_BYTES].decode("ascii")


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


async def _send_problem(service: Service, scope: Scope, send: Send, error: Exception) -> None:
    status, headers, body = encode_problem(error, scope["path"])
    service.metrics.count_request(status)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
