"""WebSockets: what was just stored, as ``{topic, payload}``.

Filters come as query parameters, or later as a message
``{"subscribe": ["new_logs"], "level": ["ERROR"], "service": ["api"], "q": "timeout"}``, which
replaces them. ``rate`` is how many records a second are wanted at most (the newest; default 5000).
A client that is too slow, and one that wants less than there is, loses the oldest frames and gets
``{"topic": "gap", "payload": {"dropped": n}}``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, WebSocket

from logforest.errors import ConfigError
from logforest.live import DEFAULT_RATE, TOPICS, Subscription
from logforest.service import Service
from logforest.values import LEVELS, one_of

__all__ = ["router", "subscription"]

router = APIRouter()

_ALIASES = {"logs": "new_logs"}
_KEYS = ("subscribe", "topics", "topic", "level", "service", "q", "rate")
_HEARTBEAT_SECONDS = 15.0
_MESSAGE_BYTES = 16_384
_MOST_RATE = 100_000
_FED_SECONDS = 2.0


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    texts: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, str):
            raise ConfigError("filters must be texts or lists of texts")
        texts.extend(part for part in item.split(",") if part)
    return texts


def subscription(filters: Mapping[str, Any], topics: Iterable[str]) -> Subscription:
    """What was asked for; ConfigError when it makes no sense."""
    named = next((filters[k] for k in ("subscribe", "topics", "topic") if k in filters), None)
    asked = [_ALIASES.get(t, t) for t in _texts(named)]
    unknown = [topic for topic in asked if topic not in TOPICS]
    if unknown:
        raise ConfigError(f"subscribe: {unknown[0]!r} is none of {', '.join(TOPICS)}")
    q = filters.get("q") or ""
    rate = filters.get("rate", DEFAULT_RATE)
    try:
        rate = int(rate[-1] if isinstance(rate, list) else rate)
    except (TypeError, ValueError):
        rate = 0
    if not 1 <= rate <= _MOST_RATE:
        raise ConfigError(f"rate: records a second, from 1 to {_MOST_RATE}")
    return Subscription(
        topics=frozenset(asked or topics),
        level=frozenset(one_of("level", _texts(filters.get("level")), LEVELS)),
        service=frozenset(_texts(filters.get("service"))),
        q=str(q)[:1000],
        rate=rate,
    )


def _flat(message: dict[str, Any]) -> dict[str, Any]:
    """A message's filters, those under "filters" too; a name that means nothing hides nothing."""
    filters = dict(message)
    if filters.get("action", filters.get("type")) == "subscribe":
        filters = {k: v for k, v in filters.items() if k not in ("action", "type")}
    more = filters.pop("filters", {})
    if not isinstance(more, dict):
        raise ConfigError("filters must be an object")
    filters.update(more)
    for name in filters:
        if name not in _KEYS:
            raise ConfigError(f"there is no filter {name!r}; there are {', '.join(_KEYS)}")
    return filters


@router.websocket("/ws/logs")
@router.websocket("/api/v1/ws/logs")
async def logs(socket: WebSocket) -> None:
    """Records as they are stored."""
    await _serve(socket, ["new_logs"])


@router.websocket("/ws")
@router.websocket("/api/v1/ws")
async def everything(socket: WebSocket) -> None:
    """Records, anomalies and alerts."""
    await _serve(socket, TOPICS)


def _same_origin(socket: WebSocket) -> bool:
    """Browsers let any page open a WebSocket; only our own may. Other clients send no Origin."""
    origin = socket.headers.get("origin")
    return origin is None or origin.partition("://")[2] == socket.headers.get("host")


def _error(error: Exception) -> bytes:
    return orjson.dumps({"topic": "error", "payload": {"detail": str(error)}})


async def _serve(socket: WebSocket, topics: Iterable[str]) -> None:
    service: Service = socket.app.state.service
    if not _same_origin(socket):
        await socket.close(1008, "another site's page may not read this")
        return
    given = {name: socket.query_params.getlist(name) for name in socket.query_params}
    query = {**given, "q": given.get("q", [""])[-1]}
    try:
        wanted = subscription(query, topics)
    except ConfigError as error:
        await socket.accept()  # a refused handshake could not say why
        await socket.send_text(_error(error).decode())
        await socket.close(1008)
        return
    await socket.accept()
    subscriber = service.hub.subscribe(wanted)
    if not service.hub.fed.is_set():  # Redis is asked first; what is away is told by /health
        await asyncio.to_thread(service.hub.fed.wait, _FED_SECONDS)
    sender = asyncio.create_task(_send(socket, subscriber))
    try:
        while True:
            received = await socket.receive()
            if received["type"] == "websocket.disconnect":
                break
            try:
                text = received.get("text")
                if text is None:
                    raise ConfigError("send text, not bytes")
                if len(text) > _MESSAGE_BYTES:
                    raise ConfigError("the message is too long")
                message = orjson.loads(text)
                if not isinstance(message, dict):
                    raise ConfigError('send {"subscribe": ["new_logs"], "level": ["ERROR"]}')
                subscriber.subscription = subscription(_flat(message), topics)
                topics_now = sorted(subscriber.subscription.topics)
                answer = orjson.dumps({"topic": "subscribed", "payload": {"topics": topics_now}})
            except (ConfigError, orjson.JSONDecodeError) as error:
                answer = _error(error)
            subscriber.extend([answer], 0)
    finally:
        service.hub.unsubscribe(subscriber)
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await sender


async def _send(socket: WebSocket, subscriber: Any) -> None:
    while True:
        try:
            frame = await asyncio.wait_for(subscriber.next(), _HEARTBEAT_SECONDS)
        except TimeoutError:
            frame = b'{"topic":"heartbeat","payload":{}}'
        await socket.send_text(frame.decode())
