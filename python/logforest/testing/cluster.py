"""The whole server profile as processes, for crash tests and benchmarks."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

from logforest.testing.servers import PrivatePostgres, PrivateRedis, wait_until

__all__ = ["Client", "Cluster", "Process"]


_ports = itertools.count(os.getpid() * 61)  # processes that test at the same time begin apart


def free_port() -> int:
    """A port nobody listens on, different at each call.

    It lies below those the kernel gives to outgoing connections and to listeners on port 0: until
    our server binds it, and while the server is killed and started again, nothing else takes it.
    """
    below = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    low = 10_000 if below > 12_000 else 1024
    for number in itertools.islice(_ports, below - low):
        port = low + number % (below - low)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class Process:
    """One of our commands that can be killed and started again."""

    def __init__(self, name: str, folder: Path, env: dict[str, str], *command: str) -> None:
        self.name = name
        self.command = [sys.executable, "-m", "logforest", *command]
        self.env = os.environ | env
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start; readiness is the caller's business."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.process is not None
        return self.process.pid

    def children(self) -> list[int]:
        """Pids of its children: workers of a supervisor."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(p) for p in path.read_text().split()]

    def kill(self) -> None:
        """SIGKILL this one process; children are left to themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self, timeout: float = 240.0) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process = None
        return code


class Client:
    """Posts to several API processes in turn, again and again until one accepts."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports
        self._connection: http.client.HTTPConnection | None = None
        self._at = 0
        self.statuses: Counter[int] = Counter()  # of all answers
        self.broken = 0  # connections refused or cut

    @property
    def refused(self) -> int:
        """Answers 429 and 503."""
        return self.statuses[429] + self.statuses[503]

    def post(
        self, body: bytes, *, key: str = "", path: str = "/ingest", give_up: float = 300.0
    ) -> dict[str, object]:
        """The answer of the first 2xx; TimeoutError after ``give_up`` seconds."""
        deadline = time.monotonic() + give_up
        while time.monotonic() < deadline:
            status, _, text = self.once(body, key=key, path=path)
            if status // 100 == 2:
                answer: dict[str, object] = json.loads(text)
                return answer
            if status not in (0, 429, 503):
                raise AssertionError(f"{status}: {text[:500]!r}")
            time.sleep(0.05)
        raise TimeoutError("no API process accepted the request")

    def once(
        self, body: bytes, *, key: str = "", path: str = "/ingest", **more: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one attempt; status 0: the connection broke.

        ``more``: further headers.

        After anything but success the next attempt goes to the next process.
        """
        headers = {"content-type": "application/x-ndjson", **more}
        if key:
            headers["idempotency-key"] = key
        status, answered, text = 0, {}, b""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(
                    "127.0.0.1", self.ports[self._at % len(self.ports)], timeout=240
                )
            self._connection.request("POST", path, body, headers)
            with contextlib.closing(self._connection.getresponse()) as response:
                text = response.read()
                answered = {k.lower(): v for k, v in response.getheaders()}
                status = response.status
            self.statuses[status] += 1
        except (OSError, http.client.HTTPException):
            status = 0
            self.broken += 1
        finally:
            if status // 100 != 2:
                self.close()
                self._at += 1
        return status, answered, text

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Cluster:
    """Redis, Postgres, API processes and one supervisor of workers."""

    def __init__(
        self,
        *,
        apis: int = 2,
        workers: tuple[str, ...] = ("worker", "all", "--workers", "1"),
        redis: PrivateRedis | None = None,
        postgres: PrivatePostgres | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.redis = redis or PrivateRedis()
        self.postgres = postgres or PrivatePostgres()
        self.folder = self.redis.folder
        self.env = {
            "LOGFOREST_PROFILE": "server",
            "LOGFOREST_REDIS": self.redis.url,
            "LOGFOREST_POSTGRES": self.postgres.dsn(),
            "LOGFOREST_AUTH": "false",
            "LOGFOREST_CONNECT_SECONDS": "5",
            "LOGFOREST_REDIS_SECONDS": "60",
            **(env or {}),
        }
        self.ports = [free_port() for _ in range(apis)]
        self.apis = [
            Process(f"api{n}", self.folder, self.env, "serve", "--port", str(port))
            for n, port in enumerate(self.ports)
        ]
        self.workers = Process("workers", self.folder, self.env, *workers)

    def start(self) -> None:
        """Everything, and wait until the APIs answer."""
        if self.redis.process is None:
            self.redis.start()
        if self.postgres.process is None:
            self.postgres.start()
        for process in (*self.apis, self.workers):
            process.start()
        self.wait_ready()

    def wait_ready(self, timeout: float = 240.0) -> None:
        """Until every API process answers /health/live."""
        for port in self.ports:
            wait_until(lambda p=port: get(p, "/health/live") == 200, timeout, f"API on {port}")  # type: ignore[misc]

    def client(self) -> Client:
        """A client of all API processes."""
        return Client(list(self.ports))

    def logs(self) -> str:
        """The ends of all logs, for failure messages."""
        parts = []
        for process in (*self.apis, self.workers):
            if process.log.exists():
                parts.append(
                    f"--- {process.name}\n{process.log.read_text(errors='replace')[-3000:]}"
                )
        return "\n".join(parts)

    def activity(self) -> str:
        """What our sessions in Postgres do or wait for, for failure messages."""
        return self.postgres.psql(
            "SELECT application_name, pid, state, wait_event, now() - state_change, "
            "pg_blocking_pids(pid), left(query, 80) FROM pg_stat_activity "
            "WHERE application_name LIKE 'logforest%' AND state <> 'idle'"
        )

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything and delete the folders."""
        for process in (*self.apis, self.workers):
            if process.process is not None:
                process.process.send_signal(signal.SIGTERM)
        for process in (*self.apis, self.workers):
            if process.process is not None:
                try:
                    process.process.wait(60)
                except subprocess.TimeoutExpired:
                    process.process.kill()
                    process.process.wait()
        self.redis.close()
        self.postgres.close()


def get(port: int, path: str) -> int:
    """Status of a GET; 0 when nobody answers."""
    return fetch(port, path)[0]


def fetch(port: int, path: str, timeout: float = 240.0) -> tuple[int, bytes]:
    """Status and body of a GET; status 0 when nobody answers."""
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    ) as connection:
        try:
            connection.request("GET", path)
            with contextlib.closing(connection.getresponse()) as response:
                return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""


class Load(threading.Thread):
    """Sends numbered records until told to stop; remembers what was acknowledged.

    Args:
        client: where to.
        name: unique for each thread; part of every message.
        rows: records a request.
    """

    def __init__(self, client: Client, name: str, rows: int = 20, pause: float = 0.01) -> None:
        super().__init__(name=name, daemon=True)
        self.client = client
        self.rows = rows
        self.pause = pause
        self.acknowledged: dict[str, int] = {}  # message -> id that the answer named
        self.sent = 0
        self.error: BaseException | None = None
        self._halt = threading.Event()

    def body(self, first: int) -> tuple[bytes, list[str]]:
        """The records first..first+rows and their messages."""
        messages = [f"{self.name} record number{n} done" for n in range(first, first + self.rows)]
        lines = [
            json.dumps(
                {
                    "timestamp": 1_780_000_000_000 + first + i,
                    "level": ("info", "error", "debug")[(first + i) % 3],
                    "service": f"svc-{(first + i) % 5}",
                    "message": message,
                    "n": first + i,
                    "nested": {"k": [first + i, None, "x"]},
                }
            )
            for i, message in enumerate(messages)
        ]
        return "\n".join(lines).encode(), messages

    def run(self) -> None:
        try:
            while not self._halt.is_set():
                body, messages = self.body(self.sent)
                answer = self.client.post(body, key=f"{self.name}-{self.sent}")
                assert answer["accepted"] == self.rows, answer
                assert answer["rejected"] == [], answer
                first_id = answer["first_id"]
                assert isinstance(first_id, int)
                for i, message in enumerate(messages):
                    self.acknowledged[message] = first_id + i
                self.sent += self.rows
                self._halt.wait(self.pause)
        except BaseException as error:
            self.error = error
        finally:
            self.client.close()

    def halt(self) -> None:
        """Stop after the request that is under way; raises what went wrong."""
        self._halt.set()
        self.join()  # a request ends by itself: Client gives up some day
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Load:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.halt()
        else:  # what went wrong in the test matters more
            self._halt.set()
            self.join(60)
