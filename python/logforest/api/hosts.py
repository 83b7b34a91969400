"""Under which names the service may be addressed.

A page in a browser may send requests to addresses that only this machine reaches: as its own host,
once its name resolves here (DNS rebinding), or as a form of a foreign origin. Both show in the
headers, which a page cannot set.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from logforest.api.problems import Problem

if TYPE_CHECKING:
    from logforest.settings import Settings

__all__ = ["AllowedHosts"]

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# What a page of a foreign origin would get away with, unlike a GET, of which it cannot read the
# answer: browsers keep it from neither sending a form nor reading a WebSocket.
_GUARDED = ("POST", "PUT", "PATCH", "DELETE", "websocket")


class AllowedHosts:
    """The hosts of requests that are answered; ports do not matter.

    Parameters
    ----------
    names
        Names and addresses, in addition to those of the loopback interface; None: any.

    Examples
    --------
    >>> hosts = AllowedHosts(["logs.example.com"])
    >>> hosts.allows("LOGS.example.com:8000"), hosts.allows("127.0.0.1"), hosts.allows("evil.test")
    (True, True, False)
    """

    def __init__(self, names: Iterable[str] | None) -> None:
        self.any = names is None
        self._names = {_host_of(name) for name in names or ()} | {_host_of(n) for n in _LOOPBACK}

    @classmethod
    def of(cls, settings: Settings, bound: str) -> AllowedHosts:
        """As ``settings`` say; by default only those of loopback when ``bound`` is such."""
        names = [name.strip() for name in settings.allowed_hosts.split(",") if name.strip()]
        if "*" in names or (not names and not _is_loopback(bound)):
            return cls(None)
        return cls([*names, settings.host, f"[{bound}]" if ":" in bound else bound])

    def allows(self, host: str) -> bool:
        """Whether requests with this ``Host`` are answered; one without names none."""
        if self.any or not host:
            return True
        name = _host_of(host)
        return name in self._names or _is_loopback(name)

    def spellings(self, port: int) -> list[str]:
        """Values of ``Host`` that are surely allowed; none: any is."""
        return [] if self.any else sorted(self._names | {f"{name}:{port}" for name in self._names})

    def check(self, method: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Raise Problem where a request must not be answered; ``websocket`` is a method here."""
        if self.any:
            return
        for name, value in headers:
            if name == b"host" and not self.allows(value.decode("latin-1")):
                raise Problem(
                    421,
                    f"this service is not {value[:100].decode('latin-1')!r}; set allowed_hosts to "
                    "the names under which it is reached",
                )
            if name == b"origin" and method in _GUARDED:
                origin = value.decode("latin-1").partition("://")[2]
                if not origin or not self.allows(origin):
                    raise Problem(
                        403, "pages of other origins may neither send records nor listen here"
                    )


def _host_of(value: str) -> str:
    """Without port, in lower case; an IPv6 address in brackets."""
    value = value.strip().lower()
    if value.startswith("["):
        return value.partition("]")[0] + "]"
    if value.count(":") > 1:
        return f"[{value}]"
    return value.partition(":")[0].removesuffix(".")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
