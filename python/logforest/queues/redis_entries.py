"""What goes into the queue in Redis and what comes back: blocks, answers, dead letters."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from logforest import _core
from logforest.errors import ConfigError

__all__ = ["Added", "DeadLetter", "NewBlock", "added", "dead_letter"]


@dataclass(slots=True)
class NewBlock:
    """Records on their way into the queue."""

    data: bytes
    count: int  # ids to reserve: at least the records that ``data`` holds
    format: str = "auto"
    tenant: str = "default"
    key: str = field(default_factory=lambda: secrets.token_hex(12))
    digest: str = ""  # of the body as sent, when the sender gave the key
    trace: str = ""  # traceparent of each request, comma between
    options: str = ""
    answer: str = "[]"
    received_us: int = field(default_factory=lambda: time.time_ns() // 1000)


@dataclass(frozen=True, slots=True)
class Added:
    """Where a block went. ``repeated``: the key was known, these are the first answer's values."""

    first_id: int
    count: int
    repeated: bool = False
    digest: str = ""
    answer: str = "[]"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that could not be processed."""

    id: str
    reason: str
    group: str
    entry: str
    deliveries: int
    records: int
    data: bytes
    trace: str = ""


def added(reply: list[object], block: NewBlock) -> Added:
    """What the script that adds a block answered."""
    if reply[0] == 0:
        return Added(int(reply[1]), block.count)  # type: ignore[call-overload]
    first, count, digest, answer = bytes(reply[1]).decode().split("|", 3)  # type: ignore[call-overload]
    return Added(int(first), int(count), repeated=True, digest=digest, answer=answer)


def dead_letter(entry_id: bytes, flat: Sequence[bytes]) -> DeadLetter:
    """From an entry of the dead letters: names and values in turn."""
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return DeadLetter(
        id=entry_id.decode(),
        reason=fields.get(b"reason", b"").decode("utf-8", "replace"),
        group=fields.get(b"group", b"").decode("utf-8", "replace"),
        entry=fields.get(b"entry", b"").decode("utf-8", "replace"),
        deliveries=int(fields.get(b"deliveries", b"0")),
        records=int(fields.get(b"count", b"1")),
        data=_plain(fields.get(b"codec", b""), fields.get(b"data", b"")),
        trace=fields.get(b"trace", b"").decode("utf-8", "replace"),
    )


def _plain(codec: bytes, data: bytes) -> bytes:
    """What a block holds; as it lies when it is damaged."""
    try:
        return _core.unpack_block(codec.decode("utf-8", "replace"), data)
    except ConfigError:
        return data
