"""Running a service as a process: port, signals, draining."""

from __future__ import annotations

import errno
import gc
import importlib.abc
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING

from logforest.errors import ConfigError
from logforest.service import Service, open_service

if TYPE_CHECKING:
    from logforest.settings import Settings

__all__ = ["run"]

# Threads that hand requests to each other wait for the interpreter as often as they do so.
_SWITCH_SECONDS = 0.0005


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; ConfigError says what to do when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigError(f"--host {host}: {error.strerror}") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} on {host} is taken by another process; choose one with --port"
            ) from None
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


class _NoPandas(importlib.abc.MetaPathFinder):
    """Finds nothing, and ends the search for pandas."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _without_pandas() -> None:
    """Have pyarrow look for pandas, as it does once when it first makes an array, and find none.

    The service has no use for it; where it is installed, to load it would cost the first request
    half a second, and the process tens of megabytes for good.
    """
    import pyarrow as pa

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


def address_of(listener: socket.socket) -> str:
    """The URL to reach it by."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(settings: Settings, *, workers: bool = True) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was taken and return.

    Raises
    ------
    ConfigError
        The port is taken.
    StoreError
        The store is held by another process, or cannot be opened.
    """
    import uvicorn

    from logforest.api.app import create_app
    from logforest.api.hosts import AllowedHosts
    from logforest.api.plain_posts import protocol_for

    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    with listen(settings.host, settings.port) as listener:
        _without_pandas()
        service = open_service(settings, workers=workers)
        try:
            url = address_of(listener)
            bound, port = listener.getsockname()[:2]
            hosts = AllowedHosts.of(settings, bound)
            service.announce(url)
            server = uvicorn.Server(
                uvicorn.Config(
                    create_app(service, hosts),
                    http=protocol_for(service, hosts.spellings(port)),
                    log_level="warning",
                    access_log=False,
                    server_header=False,
                    date_header=False,
                    ws_max_size=1 << 16,
                    timeout_graceful_shutdown=max(1, int(settings.drain_seconds)),
                )
            )
            # uvicorn raises the signal again after its clean shutdown; it must find this.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: None)
            print(f"logforest: {url}", file=sys.stderr, flush=True)
            sys.setswitchinterval(_SWITCH_SECONDS)
            gc.collect()
            gc.freeze()  # what is there now stays: no need to look at it again and again
            server.run(sockets=[listener])
        finally:
            close(service)


def close(service: Service) -> None:
    """Drain; a second signal while waiting ends the process as usual."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    gc.unfreeze()
    service.close()
