"""Real Redis and Postgres servers, private to one test session.

Each lives in its own short folder under /tmp and listens on a Unix socket only. They can be
killed, paused and restarted over the same data, which is what the crash tests need.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["PrivatePostgres", "PrivateRedis", "wait_until"]

PG_BIN = Path("/usr/lib/postgresql/15/bin")


def wait_until(
    condition: Callable[[], object], timeout: float = 240.0, what: str = "condition"
) -> None:
    """Poll ``condition`` until it is true; TimeoutError after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not become true within {timeout} s")
        time.sleep(0.02)


def _output(command: list[str]) -> bytes:
    """What a probe printed; nothing when it did not end in time."""
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).stdout
    except subprocess.TimeoutExpired:
        return b""


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


class _Server:
    def __init__(self, prefix: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        self.process: subprocess.Popen[bytes] | None = None
        self.log = self.folder / "server.log"

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _ready(self) -> bool:
        raise NotImplementedError

    def start(self, timeout: float = 240.0) -> None:
        """Start over the data that is there and wait until commands are answered."""
        if self.process is not None:
            raise RuntimeError("already running")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

        def ready() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"server ended: {self.log.read_text(errors='replace')[-2000:]}")
            return self._ready()

        try:
            wait_until(ready, timeout, f"{self.folder.name} ready")
        except BaseException:
            self.kill()
            raise

    def _family(self) -> list[int]:
        assert self.process is not None
        return [self.process.pid, *_children(self.process.pid)]

    def kill(self) -> None:
        """SIGKILL, children included; what is on disk stays."""
        assert self.process is not None
        family = self._family()
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        self.process = None
        # Children of a killed parent are not ours to wait for.
        for pid in family[1:]:
            wait_until(lambda p=pid: not _alive(p), 240, f"end of {pid}")  # type: ignore[misc]

    def stop(self, timeout: float = 60.0) -> None:
        """An orderly stop; killed when it takes too long."""
        if self.process is None:
            return
        self.resume()
        self.process.send_signal(self._stop_signal())
        try:
            self.process.wait(timeout)
            self.process = None
        except subprocess.TimeoutExpired:
            self.kill()

    def _stop_signal(self) -> signal.Signals:
        return signal.SIGTERM

    def pause(self) -> None:
        """SIGSTOP everything: the sockets stay open and nothing answers."""
        for pid in self._family():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after pause()."""
        for pid in self._family():
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                continue

    def close(self) -> None:
        """Stop and delete the folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


class PrivateRedis(_Server):
    """redis-server with an append-only file, fsync on every write unless told otherwise."""

    def __init__(self, *options: str, appendfsync: str = "always") -> None:
        super().__init__("lfr-")
        self.socket = self.folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.options = ["--appendonly", "yes", "--appendfsync", appendfsync, *options]

    def _command(self) -> list[str]:
        return [
            "redis-server", "--port", "0", "--unixsocket", str(self.socket),
            "--dir", str(self.folder), "--save", "", "--maxmemory-policy", "noeviction",
            "--auto-aof-rewrite-percentage", "0", *self.options,
        ]  # fmt: skip

    def _ready(self) -> bool:
        if not self.socket.exists():
            return False
        return _output(["redis-cli", "-s", str(self.socket), "PING"]).strip() == b"PONG"

    def cli(self, *args: str) -> str:
        """redis-cli, for tests that need what the client has no call for."""
        done = subprocess.run(
            ["redis-cli", "-s", str(self.socket), *args],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        return done.stdout.strip()


class PrivatePostgres(_Server):
    """A fresh cluster; as root it runs as the user postgres, without passwords.

    Args:
        primary: make a streaming replica of this running cluster instead.
        settings: of postgresql.conf.
    """

    def __init__(self, *, primary: PrivatePostgres | None = None, **settings: str) -> None:
        super().__init__("lfp-")
        self.data = self.folder / "data"
        root = os.geteuid() == 0
        self.user = "postgres" if root else pwd.getpwuid(os.geteuid()).pw_name
        self._prefix = (
            ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups",
             "--pdeathsig", "KILL"]
            if root else []
        )  # fmt: skip
        if root:
            shutil.chown(self.folder, "postgres", "postgres")
        self.settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "60",
            "shared_buffers": "256MB",
            "max_wal_size": "4GB",
            "wal_compression": "lz4",
            **settings,
        }
        if primary is None:
            command = ["initdb", "-D", str(self.data), "-A", "trust", "-U", self.user,
                       "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]  # fmt: skip
        else:
            command = ["pg_basebackup", "-D", str(self.data), *primary._address(), "-U", self.user,
                       "-R", "-X", "stream", "-c", "fast", "--no-sync"]  # fmt: skip
        subprocess.run(
            [*self._prefix, str(PG_BIN / command[0]), *command[1:]],
            check=True, capture_output=True, cwd="/tmp",
        )  # fmt: skip

    def dsn(self, database: str = "postgres") -> str:
        """The DSN of one database of this cluster."""
        port = f" port={self.settings['port']}" if "port" in self.settings else ""
        return f"host={self.folder}{port} user={self.user} dbname={database}"

    def _address(self) -> list[str]:
        return ["-h", str(self.folder), "-p", self.settings.get("port", "5432")]

    def _command(self) -> list[str]:
        options = [word for k, v in self.settings.items() for word in ("-c", f"{k}={v}")]
        return [*self._prefix, str(PG_BIN / "postgres"), "-D", str(self.data), *options]

    def start(self, timeout: float = 240.0) -> None:
        """Start; a lock file left by a killed postmaster is no obstacle."""
        super().start(timeout)

    def _ready(self) -> bool:
        return b"accepting" in _output([str(PG_BIN / "pg_isready"), *self._address()])

    def _stop_signal(self) -> signal.Signals:
        return signal.SIGINT  # "fast": open sessions are ended

    def psql(self, sql: str, database: str = "postgres") -> str:
        """Run SQL, return unaligned output."""
        done = subprocess.run(
            [str(PG_BIN / "psql"), *self._address(), "-U", self.user, "-d", database,
             "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql],
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def create_database(self, name: str) -> str:
        """An empty database; returns its DSN."""
        self.psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.psql(f'CREATE DATABASE "{name}"')
        return self.dsn(name)
