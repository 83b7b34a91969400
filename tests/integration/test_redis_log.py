"""The log queue in a real Redis: atomic adding, groups, dead letters, trimming, loss."""

from __future__ import annotations

import threading

import pytest

from logforest import ConfigError, QueueError
from logforest.queues.redis_entries import Added, NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.testing.servers import PrivateRedis


def add(queue: RedisLog, *blocks: NewBlock) -> list[Added]:
    results = queue.add(blocks)
    assert all(isinstance(r, Added) for r in results), results
    return results  # type: ignore[return-value]


def test_ids_are_unique_and_dense_across_threads(redis_url: str) -> None:
    queue = RedisLog(redis_url)
    got: list[Added] = []

    def produce() -> None:
        for _ in range(50):
            got.extend(add(queue, NewBlock(b"x", 3), NewBlock(b"y", 1)))

    threads = [threading.Thread(target=produce) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = sorted(i for a in got for i in range(a.first_id, a.first_id + a.count))
    assert ids == list(range(ids[0], ids[0] + 4 * 50 * 4))
    assert ids[0] > 1_700_000_000_000_000  # the time: above what a lost counter had given
    assert ids[-1] < 2**52


def test_a_repeated_key_adds_nothing(redis_url: str) -> None:
    queue = RedisLog(redis_url)
    block = NewBlock(b"x", 5, key="t:once", digest="d1", answer='[{"line": 1, "x": "a|b"}]')
    first = add(queue, block)[0]
    again = add(queue, block)[0]
    assert again == Added(first.first_id, 5, True, "d1", '[{"line": 1, "x": "a|b"}]')
    assert queue.client.command("XLEN", "log_queue") == 1


def test_lag_limits_refuse_single_blocks(redis_url: str) -> None:
    queue = RedisLog(redis_url, max_lag=10)
    queue.create_group("store")
    fine, over, too = queue.add([NewBlock(b"x", 10), NewBlock(b"y", 1), NewBlock(b"z", 1)])
    assert isinstance(fine, Added)
    assert isinstance(over, Added)  # the limit is passed by one block, never by two
    assert isinstance(too, QueueError)
    assert (too.code, too.retryable) == ("LAGLIMIT", True)
    items = queue.read("store", "c", 10, 0.0).items
    assert queue.lag("store") == 11
    assert queue.acknowledge("store", items) == 2
    assert queue.acknowledge("store", items) == 0  # a zombie's late acknowledgement
    assert queue.lag("store") == 0
    add(queue, NewBlock(b"z", 1))
    crowded = RedisLog(redis_url, max_entries=3)
    assert isinstance(crowded.add([NewBlock(b"q", 1)])[0], QueueError)


def test_deleted_group_starts_again_from_what_is_left(redis_url: str) -> None:
    queue = RedisLog(redis_url)
    queue.create_group("store")
    add(queue, *(NewBlock(str(i).encode(), 2) for i in range(5)))
    queue.acknowledge("store", queue.read("store", "c", 2, 0.0).items)
    assert queue.trim() == 1  # the last delivered entry stays: it is the mark
    queue.client.command("XGROUP", "DESTROY", "log_queue", "store")
    again = queue.read("store", "c", 100, 0.0).items
    assert [i.data for i in again] == [b"1", b"2", b"3", b"4"]
    assert queue.lag("store") == 8
    queue.client.command("FLUSHALL")
    assert queue.read("store", "c", 100, 0.0).items == []
    assert queue.create_group("store") is False


def test_trim_waits_for_every_group(redis_url: str) -> None:
    queue = RedisLog(redis_url)
    queue.create_group("store")
    queue.create_group("detect")
    add(queue, *(NewBlock(str(i).encode(), 1) for i in range(10)))
    queue.acknowledge("store", queue.read("store", "c", 10, 0.0).items)
    assert queue.trim() == 0
    detect = queue.read("detect", "c", 10, 0.0).items
    queue.acknowledge("detect", detect[:4] + detect[5:])  # the fifth is pending
    assert queue.trim() == 4
    left = queue.client.command("XRANGE", "log_queue", "-", "+")
    assert left[0][0].decode() == detect[4].entry_ids[0]


def test_dead_letters_come_back_with_their_ids(redis_url: str) -> None:
    queue = RedisLog(redis_url)
    queue.create_group("store")
    add(queue, NewBlock(b"poison", 7, key="k1", options='{"a": 1}'))
    item = queue.read("store", "c", 1, 0.0).items[0]
    assert queue.deliveries("store", item.entry_ids) == {item.entry_ids[0]: 1}
    queue.bury("store", item.entry_ids[0], item.count, "because", 4)
    assert queue.lag("store") == 0
    assert queue.status()["dead_letters"] == 1
    letter = queue.dead_letters()[0]
    assert (letter.reason, letter.group, letter.deliveries, letter.records, letter.data) == (
        "because", "store", 4, 7, b"poison",
    )  # fmt: skip
    assert queue.revive(letter.id)
    assert not queue.revive(letter.id)
    back = queue.read("store", "c", 1, 0.0).items[0]
    assert (back.data, back.first_id, back.count, back.key, back.options) == (
        b"poison", item.first_id, 7, "k1", '{"a": 1}',
    )  # fmt: skip
    queue.bury("store", back.entry_ids[0], back.count, "again", 1)
    assert queue.drop(queue.dead_letters()[0].id)
    assert queue.dead_letters() == []


def test_blocks_travel_compressed(redis_url: str) -> None:
    queue = RedisLog(redis_url)
    for group in ("store", "detect"):
        queue.create_group(group)
    data = b"".join(b'{"message":"order %d accepted"}\n' % i for i in range(1000))
    first = add(queue, NewBlock(data, 1000, format="json"))[0]
    queue.add_stored(NewBlock(data, 1000, format="json", key="g1"), 5)
    # As written before there was compression.
    queue.client.command("XADD", "log_queue", "*", "data", data, "first_id", 9, "count", 1000)
    lying = [dict(zip(f[::2], f[1::2], strict=True)) for _, f in
             queue.client.command("XRANGE", "log_queue", "-", "+")]  # fmt: skip
    assert [e.get(b"codec") for e in lying] == [b"zstd", b"zstd", None]
    assert [len(e[b"data"]) < len(data) / 4 for e in lying] == [True, True, False]
    for group in ("store", "detect"):
        items = queue.read(group, "c", 10, 0.0).items
        assert [i.data == data for i in items] == [True] * 3
        assert [i.size for i in items] == [len(data)] * 3
        assert [i.first_id for i in items] == [first.first_id, 5, 9]
    queue.bury("store", items[0].entry_ids[0], items[0].count, "because", 1)
    letter = queue.dead_letters()[0]
    assert letter.data == data
    assert queue.revive(letter.id)
    assert queue.read("store", "c", 10, 0.0).items[0].data == data


def test_status_counts_entries_and_records(redis_url: str) -> None:
    queue = RedisLog(redis_url)
    queue.create_group("store")
    add(queue, NewBlock(b"x", 4), NewBlock(b"x", 5))
    queue.client.command("XADD", "log_queue", "*", "message", "single")
    queue.read("store", "c", 1, 0.0)
    status = queue.status()
    assert status["entries"] == 3
    assert status["groups"] == {
        "store": {
            "consumers": 1, "pending_entries": 1, "waiting_entries": 3, "waiting_records": 9,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("appendfsync", "everysec", "last second"),
        ("appendfsync", "no", "30 seconds"),
        ("appendonly", "no", "loses everything"),
    ],
)
def test_weak_durability_is_named(
    redis_server: PrivateRedis, redis_url: str, name: str, value: str, words: str
) -> None:
    queue = RedisLog(redis_url)
    assert queue.check() == []
    before = redis_server.cli("CONFIG", "GET", name).splitlines()[1]
    redis_server.cli("CONFIG", "SET", name, value)
    try:
        assert words in queue.check()[0]
    finally:
        redis_server.cli("CONFIG", "SET", name, before)


def test_eviction_is_refused(redis_server: PrivateRedis, redis_url: str) -> None:
    redis_server.cli("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(ConfigError, match="noeviction"):
            RedisLog(redis_url).check()
    finally:
        redis_server.cli("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")


def test_full_memory_refuses_and_recovers(redis_server: PrivateRedis, redis_url: str) -> None:
    queue = RedisLog(redis_url)
    add(queue, NewBlock(b"x", 1))
    redis_server.cli("CONFIG", "SET", "maxmemory", "1mb")
    try:
        refused = queue.add([NewBlock(b"x" * 100, 1)])[0]
        assert isinstance(refused, QueueError)
        assert (refused.code, refused.retryable) == ("OOM", True)
    finally:
        redis_server.cli("CONFIG", "SET", "maxmemory", "0")
    add(queue, NewBlock(b"x", 1))


def test_read_only_replica_refuses(redis_server: PrivateRedis, redis_url: str) -> None:
    queue = RedisLog(redis_url)
    add(queue, NewBlock(b"x", 1))
    redis_server.cli("REPLICAOF", "127.0.0.1", "1")
    try:
        refused = queue.add([NewBlock(b"x", 1)])[0]
        assert isinstance(refused, QueueError)
        assert (refused.code, refused.retryable) == ("READONLY", True)
    finally:
        redis_server.cli("REPLICAOF", "NO", "ONE")
