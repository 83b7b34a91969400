"""Keeps worker processes alive: starts them, restarts those that end, stops them in order."""

from __future__ import annotations

import ctypes
import http.server
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from random import uniform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logforest.settings import Settings

__all__ = ["ROLES", "Supervisor", "addresses", "worker_commands"]

ROLES = ("store", "detect", "alert", "insight")

log = logging.getLogger("logforest.supervisor")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_SETTLED_SECONDS = 60.0  # a child that lived this long starts again without a pause
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    # In the child, before exec: a killed supervisor must not leave orphans behind. SIGTERM, so
    # that they finish their batch.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        os._exit(1)


class _Child:
    def __init__(
        self, name: str, command: Sequence[str], environment: dict[str, str], longest_pause: float
    ) -> None:
        self.environment = environment
        self.longest_pause = longest_pause
        self.name = name
        self.command = list(command)
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.restarts = -1
        self.pause = min(_FIRST_PAUSE, longest_pause)
        self.start_at = 0.0

    def start(self) -> None:
        # One prctl call between fork and exec; it takes no lock.
        self.process = subprocess.Popen(
            self.command,
            preexec_fn=_end_with_parent,  # noqa: PLW1509
            env=os.environ | self.environment,
        )
        self.started = time.monotonic()
        self.restarts += 1

    def look(self) -> None:
        """Note an end and plan the next start."""
        if self.process is None or self.process.poll() is None:
            return
        code = self.process.returncode
        lived = time.monotonic() - self.started
        self.process = None
        if lived > _SETTLED_SECONDS:
            self.pause = min(_FIRST_PAUSE, self.longest_pause)
        wait = uniform(self.pause / 2, self.pause)
        self.start_at = time.monotonic() + wait
        self.pause = min(self.longest_pause, self.pause * 2)
        log.warning(
            "%s ended with %s after %.1f s; starts again in %.1f s", self.name, code, lived, wait
        )


class Supervisor:
    """Runs commands side by side until SIGTERM or SIGINT.

    Args:
        commands: name -> command line.
        environment: added to the children's (addresses with passwords belong here: command lines
            are public).
        longest_pause: seconds before a child that ends again and again is started again.
        grace: seconds that children have to end before they are killed.
        health_port: serves ``/health/live`` and ``/health/ready`` (0: any free port, None: off).
        health_host: address of that port; probes from outside of the machine need ``0.0.0.0``.
    """

    def __init__(
        self,
        commands: dict[str, Sequence[str]],
        *,
        environment: dict[str, str] | None = None,
        grace: float = 30.0,
        longest_pause: float = _LONGEST_PAUSE,
        health_port: int | None = None,
        health_host: str = "127.0.0.1",
    ) -> None:
        self._children = [
            _Child(name, command, environment or {}, longest_pause)
            for name, command in commands.items()
        ]
        self._grace = grace
        self._stop = threading.Event()
        self._probe = _Probe(self, health_host, health_port) if health_port is not None else None

    def state(self) -> dict[str, object]:
        """Each child's pid (None: waiting to be started again) and how often it was restarted."""
        return {
            c.name: {"pid": c.process.pid if c.process else None, "restarts": max(0, c.restarts)}
            for c in self._children
        }

    @property
    def ready(self) -> bool:
        """All children run."""
        return all(c.process is not None and c.process.poll() is None for c in self._children)

    def stop(self) -> None:
        """End the children and then :meth:`run`."""
        self._stop.set()

    def run(self) -> int:
        """Supervise; returns 0 when every child ended within the grace period.

        In the main thread SIGTERM and SIGINT end it; in another, :meth:`stop` does.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._stop.set())
        while not self._stop.is_set():
            for child in self._children:
                child.look()
                if child.process is None and time.monotonic() >= child.start_at:
                    child.start()
            self._stop.wait(0.1)
        return self._end()

    def _end(self) -> int:
        running = [c.process for c in self._children if c.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        clean = True
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("pid %d did not end within %g s: killed", process.pid, self._grace)
                process.kill()
                process.wait()
                clean = False
        if self._probe is not None:
            self._probe.close()
        return 0 if clean else 1


class _Probe:
    """A port for liveness and readiness probes."""

    def __init__(self, supervisor: Supervisor, host: str, port: int) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path not in ("/health", "/health/live", "/health/ready"):
                    self.send_error(404)
                    return
                well = self.path == "/health/live" or supervisor.ready
                body = json.dumps({"ready": well, "workers": supervisor.state()}).encode()
                self.send_response(200 if well else 503)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        self._server = http.server.ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        log.info("health probes on port %d", self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def python_command(*arguments: str) -> list[str]:
    """The command line of one of our own commands, with this very interpreter."""
    return [sys.executable, "-m", "logforest", *arguments]


def worker_commands(
    roles: Sequence[str], workers: int, *arguments: str
) -> dict[str, Sequence[str]]:
    """The processes of some roles: name -> command line."""
    return {
        f"{role}-{n}": python_command("worker", role, "--child", *arguments)
        for role in roles
        for n in range(1 if role in ("alert", "insight") else workers)
    }


def addresses(settings: Settings) -> dict[str, str]:
    """The servers' addresses as environment variables for child processes."""
    named = {"REDIS": settings.redis, "POSTGRES": settings.postgres}
    return {f"LOGFOREST_{name}": value for name, value in named.items() if value is not None}
