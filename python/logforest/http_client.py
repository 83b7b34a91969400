"""A small client of our own service for the command line; the standard library suffices."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from logforest.errors import ConfigError, StoreError

__all__ = ["Client"]

_ATTEMPTS = 30
_FIRST_ATTEMPTS = 6
_LONGEST_WAIT_S = 10.0
_PAGE = 1000
_RETRIED = {429, 503}


class Client:
    """One connection to a service; errors are StoreError with the service's own words.

    Parameters
    ----------
    url
        ``http://host:port`` or ``https://...``.
    api_key
        Sent as ``X-API-Key``.
    on_wait
        Is told why, once, when a post has to be sent again.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"--url {url!r} is not an http(s) address")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self.url = url
        self._connection = kind(parts.hostname, parts.port, timeout=120)
        self._headers = {"X-API-Key": api_key} if api_key else {}
        self._next_cursor: str | None = None
        self._on_wait = on_wait
        self._reached = False

    def get(self, path: str, parameters: Mapping[str, Any]) -> bytes:
        """The body of a GET that must succeed."""
        status, body = self._once("GET", f"{path}?{urlencode(parameters, doseq=True)}", None, {})
        if status != 200:
            raise StoreError(f"{self.url} answered {status}: {_detail(body)}")
        return body

    def pages(self, path: str, parameters: Mapping[str, Any], limit: int) -> Iterator[bytes]:
        """Bodies of as many pages as ``limit`` records need."""
        cursor: dict[str, str] = {}
        while True:
            asked = min(limit, _PAGE)
            yield self.get(path, {**parameters, **cursor, "limit": asked})
            limit -= asked
            if limit <= 0 or self._next_cursor is None:
                return
            cursor = {"cursor": self._next_cursor}

    def post(self, path: str, body: bytes, key: str, content_type: str) -> dict[str, Any]:
        """Post until it is answered; the key makes sending again harmless."""
        headers = {"Content-Type": content_type, "Idempotency-Key": key}
        wait = 0.2
        for attempt in range(_ATTEMPTS):
            # What never answered is more likely a wrong address than a service that restarts.
            last = attempt == (_ATTEMPTS if self._reached else _FIRST_ATTEMPTS) - 1
            try:
                status, answer = self._once("POST", path, body, headers)
                reason = f"{self.url} answered {status}: {_detail(answer)}"
            except StoreError as error:
                if last:
                    raise
                status = 503
                answer = b""
                reason = str(error)
            if status not in _RETRIED or last:
                if status not in (201, 202):
                    raise StoreError(f"{self.url} answered {status}: {_detail(answer)}")
                found: dict[str, Any] = json.loads(answer)
                return found
            if self._on_wait is not None and attempt == 0:
                self._on_wait(reason)
            time.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)
        raise AssertionError("unreachable")

    def _once(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, body, self._headers | headers)
            answer = self._connection.getresponse()
            self._reached = True
            self._next_cursor = answer.headers.get("X-Next-Cursor")
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next request opens it again
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise StoreError(
                f"cannot reach {self.url}: {reason}; is `logforest up` running there?"
            ) from None


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
