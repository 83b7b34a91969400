"""The Redis client against a real server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from logforest import ConfigError, QueueError
from logforest._core import RedisClient, RedisSubscription, single_record_id
from logforest.testing.servers import PrivateRedis, wait_until


def test_commands_round_trip_any_bytes(redis_url: str) -> None:
    redis = RedisClient(redis_url)
    value = bytes(range(256)) * 1000
    assert redis.command("SET", "k", value) == b"OK"
    assert redis.command("GET", "k") == value
    assert redis.command("GET", "missing") is None
    assert redis.command("INCRBY", "n", 7) == 7
    assert redis.pipeline([("SET", "a", ""), ("GET", "a"), ("LRANGE", "none", 0, -1)]) == [
        b"OK",
        b"",
        [],
    ]


def test_error_words_are_codes(redis_url: str) -> None:
    redis = RedisClient(redis_url)
    redis.command("SET", "k", "text")
    with pytest.raises(QueueError, match="WRONGTYPE") as wrong:
        redis.command("XLEN", "k")
    assert (wrong.value.code, wrong.value.retryable) == ("WRONGTYPE", False)
    with pytest.raises(QueueError) as missing:
        redis.read_group("s", "g", "c", 1, 0.0)
    assert missing.value.code == "NOGROUP"
    # The connection is still in step after an error.
    assert redis.command("GET", "k") == b"text"


def test_out_of_memory_is_retryable(redis_server: PrivateRedis, redis_url: str) -> None:
    redis = RedisClient(redis_url)
    redis.command("CONFIG", "SET", "maxmemory", "1mb")
    try:
        replies = redis.pipeline([("SET", f"k{i}", b"x" * 100_000) for i in range(64)])
        full = replies[-1]  # in a pipeline error replies are values
        assert isinstance(full, QueueError)
        assert (full.code, full.retryable) == ("OOM", True)
        with pytest.raises(QueueError, match="OOM"):
            redis.command("SET", "k", b"x" * 100_000)
    finally:
        redis.command("CONFIG", "SET", "maxmemory", "0")


def test_urls() -> None:
    for bad in (
        "http://x",
        "redis://h:99999",
        "redis://h/x",
        "unix://",
        "redis://[::1",
        "redis://h?x=1",
    ):
        with pytest.raises(ConfigError):
            RedisClient(bad)
    with pytest.raises(ConfigError) as secret:
        RedisClient("redis://user:hunter2@host:port")
    assert "hunter2" not in str(secret.value)


def test_nobody_listens() -> None:
    redis = RedisClient("unix:///tmp/there-is-no-such.sock", connect_timeout=0.3)
    with pytest.raises(QueueError) as down:
        redis.command("PING")
    assert down.value.retryable


def answered(client: RedisClient, *command: str) -> object:
    """The answer, or None when it takes longer than the client waits (a slow machine)."""
    try:
        return client.command(*command)
    except QueueError as error:
        if not error.retryable:
            raise
        return None


def test_recovers_after_the_server_was_killed() -> None:
    server = PrivateRedis()
    server.start()
    try:
        redis = RedisClient(server.url, connect_timeout=1.0)
        wait_until(lambda: answered(redis, "SET", "k", "v"))
        server.kill()
        with pytest.raises(QueueError):
            redis.command("GET", "k")
        server.start()
        wait_until(lambda: answered(redis, "GET", "k") == b"v")
        server.pause()
        slow = RedisClient(server.url, connect_timeout=0.5, command_timeout=0.5)
        with pytest.raises(QueueError) as stuck:
            slow.command("GET", "k")
        assert stuck.value.code == "TIMEOUT"
        server.resume()
        wait_until(lambda: answered(slow, "GET", "k") == b"v")
    finally:
        server.close()


def test_scripts_are_reloaded(redis_server: PrivateRedis, redis_url: str) -> None:
    redis = RedisClient(redis_url)
    script = "return {KEYS[1], ARGV[1], #ARGV}"
    assert redis.eval(script, ["k"], [b"\x00", 2]) == [b"k", b"\x00", 2]
    redis_server.cli("SCRIPT", "FLUSH")
    assert redis.eval(script, ["k"], ["a"]) == [b"k", b"a", 1]


def test_blocks_and_single_records_share_a_stream(redis_url: str) -> None:
    redis = RedisClient(redis_url)
    redis.command("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    redis.command(
        "XADD", "s", "*", "data", b'{"message":"a"}\n\xff', "format", "json", "tenant", "t",
        "first_id", 41, "count", 2, "key", "block-1", "received", 1_700_000_000_000_000,
        "trace", "00-1-2-01", "options", "{}",
    )  # fmt: skip
    hostile = 'say "hi"\\ \n\t\x01 é'
    ids = [
        redis.command("XADD", "s", "*", "timestamp", "2025-06-01T10:00:00Z", "level", "error",
                      "message", hostile, "metadata", '{"a": [1, {"b": 2}]}').decode(),
        redis.command("XADD", "s", "*", "message", b"bad \xff byte", "metadata", '{"a": ').decode(),
    ]  # fmt: skip
    redis.command("XADD", "s", "*", "data", "last", "first_id", 43, "count", 1)
    read = redis.read_group("s", "g", "c1", 100, 0.0)
    block, singles, last = read.items
    assert (block.block, block.data, block.first_id, block.count) == (
        True, b'{"message":"a"}\n\xff', 41, 2,
    )  # fmt: skip
    assert (block.format, block.tenant, block.key, block.trace) == (
        "json",
        "t",
        "block-1",
        "00-1-2-01",
    )
    assert block.received_us == 1_700_000_000_000_000
    assert (singles.block, singles.entry_ids, singles.format, singles.count) == (
        False,
        ids,
        "json",
        2,
    )
    first, second = (json.loads(line) for line in singles.data.splitlines())
    assert first == {
        "timestamp": "2025-06-01T10:00:00Z", "level": "error", "message": hostile,
        "metadata": {"a": [1, {"b": 2}]},
    }  # fmt: skip
    assert second == {"message": "bad \ufffd byte", "metadata": '{"a": '}
    assert singles.record_ids == [single_record_id(i) for i in ids]
    assert len(set(singles.record_ids)) == 2
    assert all(2**52 <= i < 2**53 for i in singles.record_ids)
    assert (last.tenant, last.format, last.key) == ("default", "auto", last.entry_ids[0])


def test_claim_reports_what_redis_lost(redis_url: str) -> None:
    redis = RedisClient(redis_url)
    redis.command("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    ids = [redis.command("XADD", "s", "*", "data", str(i)).decode() for i in range(5)]
    redis.read_group("s", "g", "dead", 10, 0.0)
    redis.command("XDEL", "s", ids[1], ids[3])
    claimed = redis.claim_idle("s", "g", "alive", 0.0, "0-0", 100)
    assert [i.entry_ids[0] for i in claimed.items] == [ids[0], ids[2], ids[4]]
    assert claimed.lost == [ids[1], ids[3]]
    assert claimed.cursor == "0-0"


def test_publish_and_subscribe(redis_url: str) -> None:
    redis = RedisClient(redis_url)
    subscription = RedisSubscription(redis, ["new_logs", "alerts"])
    assert subscription.next(0.05) is None
    redis.command("PUBLISH", "alerts", b"\x00payload")
    assert subscription.next(5.0) == ("alerts", b"\x00payload")
    subscription.close()
    with pytest.raises(QueueError, match="closed"):
        subscription.next(0.1)


def test_pool_is_shared_by_threads(redis_url: str) -> None:
    redis = RedisClient(redis_url, pool_size=3, name="pooled")
    threads = [
        threading.Thread(target=lambda: [redis.command("INCR", "n") for _ in range(200)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert redis.command("GET", "n") == b"1600"
    clients = [c for c in redis.command("CLIENT", "LIST").splitlines() if b"name=pooled" in c]
    assert 1 <= len(clients) <= 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_long_wait(redis_url: str, number: signal.Signals) -> None:
    code = (
        "import signal, sys\n"
        "from logforest._core import RedisClient\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        f"redis = RedisClient({redis_url!r}, name='sleeper')\n"
        "try:\n    redis.command('BLPOP', 'nothing', 600, wait=600.0)\n"
        "except KeyboardInterrupt:\n    sys.exit(9)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    redis = RedisClient(redis_url)
    wait_until(
        lambda: any(
            b"name=sleeper" in client and b"cmd=blpop" in client
            for client in redis.command("CLIENT", "LIST").splitlines()
        )
    )
    os.kill(process.pid, number)
    assert process.wait(300) == {signal.SIGINT: 9, signal.SIGTERM: 7}[number]
