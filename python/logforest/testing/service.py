"""A real ``logforest up`` process for tests."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["UpProcess", "run_command"]


def run_command(*arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Exit code, output and errors of one ``logforest`` command."""
    done = subprocess.run(
        [sys.executable, "-m", "logforest", *arguments],
        input=stdin, capture_output=True, timeout=600, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.decode()


class UpProcess:
    """``logforest up`` on a free port; a context manager that ends it.

    Parameters
    ----------
    data
        Folder of the store.
    arguments
        More of the command line.
    ready
        Whether to wait until requests are taken, or only until they are answered.
    """

    def __init__(
        self, data: Path, *arguments: str, env: dict[str, str] | None = None, ready: bool = True
    ) -> None:
        self._awaited = "/health/ready" if ready else "/health/live"
        self.data = data
        self._log = data.parent / f"{data.name}.log"
        self._arguments = arguments
        self._env = env or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self, timeout: float = 240.0) -> UpProcess:
        """Start and wait until it is ready; RuntimeError with its output when it ends instead."""
        command = [sys.executable, "-m", "logforest", "up", "--port", "0", "--data", str(self.data)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *self._arguments], stderr=log, stdout=log, env=os.environ | self._env
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"up ended with {self.process.returncode}: {self.output}")
            found = re.search(r"http://127\.0\.0\.1:(\d+)", self.output)
            if found is not None:
                self.port = int(found[1])
                if self._ready():
                    return self
            time.sleep(0.02)
        raise RuntimeError(f"up was not ready in {timeout} s: {self.output}")

    def _ready(self) -> bool:
        try:
            return self.request("GET", self._awaited)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    @property
    def output(self) -> str:
        """What the process printed so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self, timeout: float = 240.0) -> http.client.HTTPConnection:
        """A new connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """One request on a connection of its own: status and body."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, names)
            with contextlib.closing(connection.getresponse()) as answer:
                return answer.status, answer.read()

    def get(self, path: str) -> Any:
        """The JSON of a GET that must succeed."""
        status, body = self.request("GET", path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {body[:300]!r}")
        return json.loads(body)

    def wait_for(self, condition: Any, timeout: float = 240.0) -> None:
        """Until ``condition()`` is true."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout} s: {condition}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, no farewell."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, timeout: float = 240.0) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def __enter__(self) -> UpProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
