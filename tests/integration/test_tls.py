"""TLS to Redis and to Postgres: real servers, certificates made here, verification by default."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.sync.client import connect

from logforest import ConfigError, QueueError, StoreError
from logforest._core import PgClient, RedisClient, RedisSubscription
from logforest.queues.redis_entries import Added, NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.testing.certificates import Authority, Certificate
from logforest.testing.cluster import Cluster, fetch, free_port
from logforest.testing.servers import PrivatePostgres, PrivateRedis, wait_until


@dataclass(frozen=True)
class TlsRedis:
    server: PrivateRedis
    port: int
    authority: Authority
    client: Certificate

    def url(self, host: str = "localhost", **options: object) -> str:
        words = {"sslrootcert": self.authority.ca, "hostaddr": "127.0.0.1", **options}
        query = "&".join(f"{name}={value}" for name, value in words.items() if value)
        return f"rediss://{host}:{self.port}/?{query}"


def start_redis(authority: Authority, cert: Certificate, *options: str) -> TlsRedis:
    port = free_port()
    server = PrivateRedis(
        "--tls-port", str(port), "--tls-cert-file", str(cert.cert), "--tls-key-file",
        str(cert.key), "--tls-ca-cert-file", str(authority.ca), "--bind", "127.0.0.1",
        "--tls-auth-clients", "no", *options,
    )  # fmt: skip
    server.start()
    return TlsRedis(server, port, authority, authority.issue("client"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def redis(authority: Authority) -> Iterator[TlsRedis]:
    made = start_redis(authority, authority.issue("server", "DNS:localhost", "DNS:*.example.org"))
    yield made
    made.server.close()


def refused(url: str, code: str = "TLS") -> QueueError:
    """What an attempt ends with; a verdict is not waited for."""
    with pytest.raises(QueueError) as error:
        RedisClient(url, connect_timeout=60.0).command("PING")
    assert (error.value.code, error.value.retryable) == (code, False)
    return error.value


def test_commands_of_any_size(redis: TlsRedis) -> None:
    client = RedisClient(redis.url(), pool_size=3)
    value = bytes(range(256)) * 40_000  # 10 MB: many TLS records, partial writes
    assert client.command("SET", "k", value) == b"OK"
    assert client.command("GET", "k") == value
    replies = client.pipeline([("SET", f"p{i}", b"x" * 100_000) for i in range(50)])
    assert replies == [b"OK"] * 50
    threads = [
        threading.Thread(target=lambda: [client.command("INCR", "n") for _ in range(200)])
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.command("GET", "n") == b"1200"
    assert redis.server.cli("--raw", "CLIENT", "LIST").count("name=logforest") >= 1


def test_streams_scripts_and_live_messages(redis: TlsRedis) -> None:
    queue = RedisLog(redis.url())
    assert queue.check() == []
    queue.create_group("store")
    subscription = RedisSubscription(queue.client, ["new_logs"])
    added = queue.add([NewBlock(b'{"message": "a"}', 1), NewBlock(b"x" * 3_000_000, 1)])
    assert all(isinstance(a, Added) for a in added)
    items = queue.read("store", "c", 10, 0.0).items
    assert [item.size for item in items] == [16, 3_000_000]
    assert queue.acknowledge("store", items) == 2
    assert queue.publish("new_logs", b"\x00payload") == 1
    assert subscription.next(60.0) == ("new_logs", b"\x00payload")
    assert subscription.next(0.01) is None
    subscription.close()


def test_hosts_are_verified(redis: TlsRedis) -> None:
    for good in ("localhost", "a.example.org"):
        assert RedisClient(redis.url(good)).command("PING") == b"PONG"
    for bad in ("example.org", "a.b.example.org", "evil.example.com"):
        assert "hostname mismatch" in str(refused(redis.url(bad))).lower()
    assert "IP address mismatch" in str(refused(redis.url("127.0.0.1")))
    # Asked for explicitly, the name or all of it goes unchecked.
    for mode in ("verify-ca", "require"):
        assert RedisClient(redis.url("127.0.0.1", sslmode=mode)).command("PING") == b"PONG"


def test_addresses_are_verified(authority: Authority) -> None:
    made = start_redis(authority, authority.issue("by-address", "IP:127.0.0.1"))
    try:
        assert RedisClient(made.url("127.0.0.1")).command("PING") == b"PONG"
        refused(made.url("localhost"))
    finally:
        made.server.close()


def test_authorities_are_verified(redis: TlsRedis, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    for url in (redis.url(sslrootcert=other.ca), redis.url(sslrootcert="")):
        assert "not trusted" in str(refused(url))
    mode = redis.url(sslrootcert=other.ca, sslmode="verify-ca")
    assert "not trusted" in str(refused(mode))
    assert RedisClient(redis.url(sslrootcert=other.ca, sslmode="require")).command("PING")


def test_expired_certificates_are_refused_and_renewed_ones_taken(authority: Authority) -> None:
    expired = authority.issue("expired", "DNS:localhost", expired=True)
    made = start_redis(authority, expired)
    try:
        client = RedisClient(made.url(), connect_timeout=60.0)
        with pytest.raises(QueueError, match="expired") as error:
            client.command("PING")
        assert error.value.code == "TLS"
        renewed = authority.issue("renewed", "DNS:localhost")
        made.server.cli(
            "CONFIG", "SET", "tls-cert-file", str(renewed.cert), "tls-key-file", str(renewed.key)
        )
        assert client.command("PING") == b"PONG"
    finally:
        made.server.close()


def test_client_certificates(authority: Authority, tmp_path: Path) -> None:
    server = authority.issue("strict", "DNS:localhost")
    made = start_redis(authority, server, "--tls-auth-clients", "yes")
    try:
        url = made.url(sslcert=made.client.cert, sslkey=made.client.key)
        assert RedisClient(url).command("PING") == b"PONG"
        assert "certificate required" in str(refused(made.url()))
        stranger = Authority(tmp_path, "stranger").issue("client")
        refused(made.url(sslcert=stranger.cert, sslkey=stranger.key))
        with pytest.raises(ConfigError, match="go together"):
            RedisClient(made.url(sslcert=made.client.cert)).command("PING")
        with pytest.raises(ConfigError, match="sslkey"):
            RedisClient(made.url(sslcert=made.client.cert, sslkey=server.key)).command("PING")
        with pytest.raises(ConfigError, match="sslrootcert=/nowhere"):
            RedisClient(made.url(sslrootcert="/nowhere")).command("PING")
    finally:
        made.server.close()


def test_old_protocols_are_refused(authority: Authority) -> None:
    made = start_redis(
        authority, authority.issue("old", "DNS:localhost"), "--tls-protocols", "TLSv1.1",
        "--tls-ciphers", "ALL:@SECLEVEL=0",
    )  # fmt: skip
    try:
        with pytest.raises(QueueError, match="protocol version"):
            RedisClient(made.url(), connect_timeout=60.0).command("PING")
    finally:
        made.server.close()


@contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    answer(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_peers_that_do_not_speak_tls(authority: Authority) -> None:
    def plain(peer: socket.socket) -> None:
        peer.recv(10)
        peer.sendall(b"-ERR unknown command\r\n")

    with listener(plain) as port:
        words = str(refused(f"rediss://localhost:{port}/?hostaddr=127.0.0.1"))
    assert "does not speak TLS" in words

    def silent(peer: socket.socket) -> None:
        while peer.recv(4096):
            pass

    with listener(silent) as port, pytest.raises(QueueError, match="handshake timed out") as slow:
        RedisClient(f"rediss://127.0.0.1:{port}/", connect_timeout=0.3).command("PING")
    assert (slow.value.code, slow.value.retryable) == ("TIMEOUT", True)

    def rude(peer: socket.socket) -> None:
        peer.recv(10)

    def cut(port: int) -> str:
        with pytest.raises(QueueError) as error:
            RedisClient(f"rediss://127.0.0.1:{port}/", connect_timeout=1.0).command("PING")
        assert error.value.retryable
        return str(error.value.code)

    with listener(rude) as port:  # time may also run out between two of its attempts
        wait_until(lambda: cut(port) == "CONNECTION")


def answered(client: RedisClient, *command: str) -> object:
    """The answer, or None when it takes longer than the client waits (a slow machine)."""
    try:
        return client.command(*command)
    except QueueError as error:
        if not error.retryable:
            raise
        return None


def test_recovers_after_the_server_was_killed(authority: Authority) -> None:
    made = start_redis(authority, authority.issue("mortal", "DNS:localhost"))
    try:
        client = RedisClient(made.url(), connect_timeout=1.0, command_timeout=60.0)
        wait_until(lambda: answered(client, "SET", "k", "v"))
        made.server.kill()
        with pytest.raises(QueueError) as down:
            client.command("GET", "k")
        assert down.value.retryable
        made.server.start()
        wait_until(lambda: answered(client, "GET", "k") == b"v")
        made.server.pause()
        slow = RedisClient(made.url(), connect_timeout=0.2, command_timeout=0.2)
        with pytest.raises(QueueError) as stuck:
            slow.command("GET", "k")
        assert stuck.value.code == "TIMEOUT"
        made.server.resume()
        wait_until(lambda: answered(client, "GET", "k") == b"v")
    finally:
        made.server.close()


def test_signals_end_a_long_wait(redis: TlsRedis) -> None:
    code = (
        "import sys\nfrom logforest._core import RedisClient\n"
        f"redis = RedisClient({redis.url()!r}, name='sleeper')\n"
        "try:\n    redis.command('BLPOP', 'nothing', 600, wait=600.0)\n"
        "except KeyboardInterrupt:\n    sys.exit(9)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_until(
            lambda: any(
                "name=sleeper" in client and "cmd=blpop" in client
                for client in redis.server.cli("CLIENT", "LIST").splitlines()
            )
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 9


def test_urls_of_tls() -> None:
    for bad, words in (
        ("rediss://h/?sslmode=maybe", "sslmode must be"),
        ("redis://h/?sslrootcert=x", "needs rediss://"),
        ("rediss://h/?tls=1", "unknown option"),
    ):
        with pytest.raises(ConfigError, match=words):
            RedisClient(bad)


def test_the_command_line_takes_it(redis: TlsRedis, authority: Authority) -> None:
    def run(url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "logforest", "queue", "status", "--redis", url],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    good = run(redis.url())
    assert good.returncode == 0, good.stderr
    bad = run(redis.url("other.example.com"))
    assert bad.returncode == 1
    assert "not trusted" in bad.stderr
    assert "Traceback" not in bad.stderr
    del authority


# Postgres: libpq's TLS, asked for in the DSN


def start_postgres(authority: Authority) -> PrivatePostgres:
    server = PrivatePostgres(fsync="off")
    made = authority.issue("pg-server", "DNS:localhost")
    for source, name in ((made.cert, "server.crt"), (made.key, "server.key")):
        target = server.data / name
        shutil.copy(source, target)
        target.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(target, server.user, server.user)
    shutil.copy(authority.ca, server.data / "root.crt")
    (server.data / "root.crt").chmod(0o644)
    hba = server.data / "pg_hba.conf"
    with hba.open("a") as file:
        file.write("hostssl certs all 127.0.0.1/32 cert\n")
        file.write("hostssl all all 127.0.0.1/32 trust\n")
    lines = [line for line in hba.read_text().splitlines() if not line.startswith("host ")]
    hba.write_text("\n".join(lines) + "\n")
    server.settings |= {
        "listen_addresses": "127.0.0.1", "port": str(free_port()), "ssl": "on",
        "ssl_ca_file": "root.crt",
    }  # fmt: skip
    server.start()
    server.psql("CREATE DATABASE certs")
    return server


@pytest.fixture(scope="module")
def postgres(authority: Authority) -> Iterator[PrivatePostgres]:
    server = start_postgres(authority)
    yield server
    server.close()


def pg_dsn(server: PrivatePostgres, host: str = "localhost", **options: object) -> str:
    words = {
        "host": host, "hostaddr": "127.0.0.1", "port": server.settings["port"],
        "user": server.user, "dbname": "postgres", "sslmode": "verify-full", **options,
    }  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in words.items())


def pg_refused(dsn: str) -> StoreError:
    with pytest.raises(StoreError) as error:
        PgClient(dsn, connect_timeout=60.0).session()
    return error.value


def test_postgres_over_tls(postgres: PrivatePostgres, authority: Authority, tmp_path: Path) -> None:
    import pyarrow as pa

    session = PgClient(pg_dsn(postgres, sslrootcert=authority.ca)).session()
    row = pa.table(
        session.query("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    ).to_pylist()[0]
    assert row["ssl"] is True
    assert row["version"] in ("TLSv1.2", "TLSv1.3")
    wrong_host = pg_refused(pg_dsn(postgres, "db.example.org", sslrootcert=authority.ca))
    assert "does not match host name" in str(wrong_host)
    other = Authority(tmp_path, "other")
    wrong_ca = pg_refused(pg_dsn(postgres, sslrootcert=other.ca))
    assert "certificate verify failed" in str(wrong_ca)
    assert {wrong_host.code, wrong_ca.code} == {"TLS"}
    assert not wrong_host.retryable
    plain = pg_refused(pg_dsn(postgres, sslmode="disable"))
    assert (plain.code, plain.retryable) == ("28000", False)


def test_postgres_client_certificates(postgres: PrivatePostgres, authority: Authority) -> None:
    mine = authority.issue(postgres.user)
    dsn = pg_dsn(
        postgres, dbname="certs", sslrootcert=authority.ca, sslcert=mine.cert, sslkey=mine.key
    )
    PgClient(dsn).session().execute("SELECT 1")
    missing = pg_dsn(postgres, dbname="certs", sslrootcert=authority.ca)
    assert "client certificate" in str(pg_refused(missing))


def test_the_whole_profile_over_tls(authority: Authority) -> None:
    """API, workers and live records, with TLS to both servers and nothing else."""
    redis = start_redis(authority, authority.issue("whole", "DNS:localhost"))
    postgres = start_postgres(authority)
    url, dsn = redis.url(), pg_dsn(postgres, sslrootcert=authority.ca)
    env = {"LOGFOREST_REDIS": url, "LOGFOREST_POSTGRES": dsn}
    with (
        Cluster(apis=1, redis=redis.server, postgres=postgres, env=env) as cluster,
        cluster.client() as client,
        connect(f"ws://127.0.0.1:{cluster.ports[0]}/ws/logs", open_timeout=240) as watcher,
    ):
        watcher.send("{}")
        frames = [json.loads(watcher.recv(240))]
        client.post(b'{"message": "under cover"}')
        while frames[-1]["topic"] != "new_logs":
            frames.append(json.loads(watcher.recv(240)))
        assert frames[-1]["payload"]["message"] == "under cover"
        found = json.loads(fetch(cluster.ports[0], "/api/v1/logs?q=cover")[1])
        assert found["total"] == 1
        plain = postgres.psql(
            "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) "
            "WHERE application_name LIKE 'logforest%' AND NOT s.ssl"
        )
        assert plain == "0"
        for process in (*cluster.apis, cluster.workers):
            assert process.stop() == 0, cluster.logs()
