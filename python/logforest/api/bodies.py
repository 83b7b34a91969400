"""Request bodies: read within limits, decompress within limits, nothing trusted."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from logforest._streams import Damaged, plain_blocks
from logforest.api.problems import Problem
from logforest.errors import ParseError

if TYPE_CHECKING:
    from starlette.types import Receive

    from logforest.settings import Settings

__all__ = ["TYPES", "ClientGone", "decode", "format_of", "read_body"]

_BY_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}
#: Content-Type -> log format
TYPES = {
    "application/json": "json",
    "application/x-ndjson": "json",
    "application/ndjson": "json",
    "application/jsonl": "json",
    "application/json-lines": "json",
    "application/x-jsonlines": "json",
    "application/logfmt": "logfmt",
    "text/plain": "auto",
    "text/x-log": "auto",
    "application/octet-stream": "auto",
    "application/x-www-form-urlencoded": "auto",  # what curl -d says of anything
    "": "auto",
}


class ClientGone(Exception):
    """The client closed the connection before its body was complete: nothing was taken."""


def format_of(content_type: str) -> str:
    """The log format that a Content-Type stands for; 415 for what cannot be logs."""
    kind = content_type.partition(";")[0].strip().lower()
    found = TYPES.get(kind)
    if found is None:
        raise Problem(
            415,
            f"Content-Type {kind[:100]!r} is not taken; send application/json, "
            "application/x-ndjson or text/plain",
        )
    return found


async def read_body(receive: Receive, limit: int, announced: int | None) -> bytes:
    """The whole body; 413 as soon as it is known to be larger than ``limit`` bytes."""
    if announced is not None and announced > limit:
        raise Problem(413, f"the body has {announced} bytes; at most {limit} are taken")
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise Problem(413, f"the body is larger than {limit} bytes")
        return body
    parts = [body]
    size = len(body)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise Problem(413, f"the body is larger than {limit} bytes")
        parts.append(part)
    return b"".join(parts)


def encoding_of(header: str, body: bytes) -> str:
    """The encoding to undo, ``""`` for none; 415 for one that is not known."""
    name = header.strip().lower()
    if name in ("", "identity"):
        return _BY_MAGIC.get(body[:2], "")  # compressed by a client that forgot to say so
    if name in ("gzip", "x-gzip"):
        return "gzip"
    if name in ("zstd", "deflate"):
        return name
    raise Problem(
        415,
        f"Content-Encoding {name[:100]!r} is not taken",
        headers={"accept-encoding": "gzip, zstd, deflate"},
    )


def decode(body: bytes, encoding: str, settings: Settings) -> bytes:
    """Undo ``encoding``: 400 when damaged, 413 when it grows beyond the limits.

    Works through bounded blocks, so that a decompression bomb costs neither memory nor time.
    """
    limit = settings.max_decoded_mb << 20
    if encoding == "deflate":
        return _inflate(body, limit)
    if encoding != _BY_MAGIC.get(body[:2]):
        raise Problem(400, f"Content-Encoding is {encoding} but the body is not {encoding} data")
    out: list[bytes] = []
    size = 0
    try:
        for block in plain_blocks(iter([body]), max_ratio=settings.max_ratio):
            size += len(block)
            if size > limit:
                raise Problem(413, f"the body decompresses to more than {limit} bytes")
            if size > (1 << 20) and size > settings.max_ratio * len(body):
                raise Problem(
                    413, f"the body decompresses to more than {settings.max_ratio} times its size"
                )
            out.append(block)
    except Damaged as error:
        raise Problem(400, f"{error}; nothing was stored") from None
    except ParseError as error:
        raise Problem(413, str(error)) from None
    return b"".join(out)


def _inflate(body: bytes, limit: int) -> bytes:
    for wbits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):  # RFC 9110 says zlib, many send it raw
        inner = zlib.decompressobj(wbits)
        try:
            out = inner.decompress(body, limit + 1)
        except zlib.error:
            continue
        if len(out) > limit:
            raise Problem(413, f"the body decompresses to more than {limit} bytes")
        if not inner.eof:
            raise Problem(400, "the deflate data ends early; nothing was stored")
        return out
    raise Problem(400, "the deflate data is corrupt; nothing was stored")
