"""Posts NDJSON blocks to a running logforest: whole lines, about 1 MB a body, one connection."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from logforest.errors import ConfigError, StoreError

_BODY_BYTES = 1 << 20
_ATTEMPTS = 60  # of one body that is answered 429 or 503
_LONGEST_WAIT_S = 10.0


def bodies(blocks: Iterable[bytes], size: int = _BODY_BYTES) -> Iterator[bytes]:
    r"""Cut blocks of whole lines into bodies of at most ``size`` bytes (or one line).

    >>> list(bodies([b"a\nbb\nccc\n"], size=5))
    [b'a\nbb\n', b'ccc\n']
    """
    for block in blocks:
        first = 0
        while first < len(block):
            last = min(len(block), first + size)
            if last < len(block):
                cut = block.rfind(b"\n", first, last)
                last = cut + 1 if cut >= 0 else block.find(b"\n", last) + 1 or len(block)
            yield block[first:last]
            first = last


def post_ndjson(
    url: str,
    blocks: Iterable[bytes],
    *,
    api_key: str | None = None,
    path: str | None = None,
    on_away: Callable[[str], object] | None = None,
) -> int:
    """Post every block; waits when the server says 429 or 503. Returns the bytes sent.

    ``url`` without a path means ``/api/v1/logs/ingest``. Raises StoreError when the server cannot
    be reached or refuses. With ``on_away`` a server that was there once and is gone is waited for
    and the body sent again; ``on_away`` is called with the reason each time that begins.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"--url {url!r} is not an http(s) address")
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=60)
    target = path or (parts.path if parts.path not in {"", "/"} else "/api/v1/logs/ingest")
    headers = {"Content-Type": "application/x-ndjson"}
    if api_key:
        headers["X-API-Key"] = api_key
    sent = 0
    try:
        for body in bodies(blocks):
            if on_away is None or not sent:
                _post_one(connection, target, headers, body)
            else:
                _post_or_wait(connection, target, headers, body, on_away)
            sent += len(body)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"cannot post to {url}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    return sent


def _post_or_wait(
    connection: http.client.HTTPConnection,
    target: str,
    headers: dict[str, str],
    body: bytes,
    on_away: Callable[[str], object],
) -> None:
    tries = 0
    while True:
        try:
            return _post_one(connection, target, headers, body)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, StoreError):
                raise
            connection.close()
            # The first may only be a connection that was idle too long.
            if tries == 1:
                on_away(str(error) or type(error).__name__)
            if tries:
                time.sleep(min(0.25 * 2**tries, _LONGEST_WAIT_S))
            tries += 1


def _post_one(
    connection: http.client.HTTPConnection, target: str, headers: dict[str, str], body: bytes
) -> None:
    for _ in range(_ATTEMPTS):
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status in {429, 503}:
            try:
                wait = float(response.headers.get("Retry-After", "1"))
            except ValueError:
                wait = 1.0
            time.sleep(min(max(wait, 0.05), _LONGEST_WAIT_S))
            continue
        if not 200 <= response.status < 300:
            text = answer[:300].decode("utf-8", "replace")
            raise StoreError(f"the server answered {response.status}: {text}")
        return
    raise StoreError("the server stayed overloaded; lower --rate or try again later")
