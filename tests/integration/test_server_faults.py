"""Single faults of the servers, with a worker in this process: what is owed lands in the end."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest
from tests.store_worker import OPTIONS, add, drained, lines, working

from logforest import QueueError, StoreError, _core
from logforest._core import PgClient, PgSession, RedisSubscription, StreamItem
from logforest.queues.redis_entries import NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.stores.postgres import PostgresStore
from logforest.testing.servers import PG_BIN, PrivateRedis, wait_until
from logforest.workers.alert import AlertWorker
from logforest.workers.store import StoreWorker


def messages(store: PostgresStore) -> list[str]:
    found: list[str] = store.sql("SELECT message FROM logs ORDER BY id")["message"].to_pylist()
    return found


def test_listeners_see_commits_in_the_order_of_the_queue(
    queue: RedisLog, store: PostgresStore, dsn: str
) -> None:
    """A commit that was overtaken is shown first all the same."""
    other = PgClient(dsn, name="other").session()  # not one of ours, which would be cut off
    other.execute("BEGIN")
    # Whoever inserts the same key waits until this transaction has ended.
    other.execute(
        "INSERT INTO ledger (first_id, records, rejected, key, digest, answer) "
        "VALUES (1, 1, 0, 'first', '', '[]')"
    )
    shown = RedisSubscription(queue.client, ["new_logs"])
    wait_until(lambda: queue.listeners("new_logs"), 60, "listening")
    with working(queue, store):
        add(queue, b'{"message":"one"}', 1, key="first")
        wait_until(lambda: queue.status()["groups"]["store"]["pending_entries"], 60, "taken")  # type: ignore[index]
        for n in (2, 3):
            add(queue, b'{"message":"%d"}' % n, 1, key=f"later-{n}")
        wait_until(lambda: len(messages(store)) == 2, 60, "overtaken")
        other.execute("ROLLBACK")
        wait_until(lambda: drained(queue), 60, "drained")
        seen = []
        while len(seen) < 3:
            frame = shown.next(60.0)
            assert frame is not None
            with pa.ipc.open_stream(frame[1]) as stream:
                seen += stream.read_all()["message"].to_pylist()
    other.close()
    shown.close()
    assert seen == ["one", "2", "3"]


def test_blocks_and_single_entries_are_stored_once(queue: RedisLog, store: PostgresStore) -> None:
    first = add(queue, lines(5) + b"\nnot json\n" + lines(2, "n"), 7)
    for i in range(3):
        queue.client.command(
            "XADD", "log_queue", "*", "timestamp", "2026-01-02T03:04:05Z", "level", "warning",
            "source", "host", "application", "app", "message", f"single {i}", "metadata", '{"a":1}',
        )  # fmt: skip
    add(queue, lines(1, "z"), 1)
    with working(queue, store):
        wait_until(lambda: drained(queue))
    rows = store.sql(
        "SELECT id, message, level::text AS level, service, source FROM logs ORDER BY id"
    )
    got = rows.to_pylist()
    assert [r["message"] for r in got] == [
        *(f"m {i}" for i in range(5)), "n 0", "n 1", "z 0", *(f"single {i}" for i in range(3)),
    ]  # fmt: skip
    assert [r["id"] for r in got[:8]] == list(range(first.first_id, first.first_id + 8))
    assert got[-1] | {"id": 0} == {
        "id": 0, "message": "single 2", "level": "WARN", "service": "app", "source": "host",
    }  # fmt: skip
    rejects = store.sql("SELECT line, reason, text FROM rejected_logs").to_pylist()
    assert rejects == [{"line": 6, "reason": "invalid_json", "text": "not json"}]
    # Everything once more, from the first entry on: nothing changes.
    queue.client.command("XGROUP", "SETID", "log_queue", "store", "0")
    with working(queue, store) as worker:
        wait_until(lambda: worker.done_entries >= 5 and drained(queue))
    assert len(messages(store)) == 11
    assert store.sql("SELECT sum(count)::bigint AS n FROM windows")["n"].to_pylist() == [11]


def test_regrouped_single_entries(queue: RedisLog, store: PostgresStore) -> None:
    """Some of a run of single entries were committed before a crash, some not."""
    for i in range(6):
        queue.client.command("XADD", "log_queue", "*", "message", f"s{i}")
    part = queue.read("store", "dead", 2, 0.0).items
    worker = StoreWorker(queue, store, OPTIONS)
    worker.finish(part, worker.prepare(part))  # committed, never acknowledged
    queue.client.command("XGROUP", "SETID", "log_queue", "store", "0")
    with working(queue, store):
        wait_until(lambda: drained(queue))
    assert messages(store) == [f"s{i}" for i in range(6)]


def test_poison_rows_are_put_aside_and_come_back(queue: RedisLog, store: PostgresStore) -> None:
    with store._session() as session:
        session.execute("ALTER TABLE logs ADD CONSTRAINT odd CHECK (message NOT LIKE '%poison%')")
    data = (
        lines(40) + b'\n{"message": "poison a"}\n' + lines(30, "n") + b'\n{"message": "poison b"}'
    )
    add(queue, data, 72)
    add(queue, lines(3, "after"), 3)
    with working(queue, store):
        wait_until(lambda: drained(queue))
    assert len(messages(store)) == 73
    assert store.sql("SELECT sum(count)::bigint AS n FROM windows")["n"].to_pylist() == [73]
    letters = queue.dead_letters()
    assert [(d.records, "odd" in d.reason) for d in letters] == [(1, True), (1, True)]
    assert b"poison a" in letters[0].data
    with store._session() as session:
        session.execute("ALTER TABLE logs DROP CONSTRAINT odd")
    for letter in letters:
        assert queue.revive(letter.id)
    with working(queue, store):
        wait_until(lambda: drained(queue))
    assert len(messages(store)) == 75
    ids = store.sql("SELECT id FROM logs ORDER BY id")["id"].to_pylist()
    assert ids == list(range(ids[0], ids[0] + 75))  # the ids that were promised


def test_a_block_that_lies_about_its_records_is_buried(
    queue: RedisLog, store: PostgresStore
) -> None:
    add(queue, lines(5), 2)
    add(queue, lines(1, "fine"), 1)
    with working(queue, store):
        wait_until(lambda: drained(queue))
    assert messages(store) == ["fine 0"]
    assert "ids were reserved" in queue.dead_letters()[0].reason


def test_damaged_blocks_are_buried_and_their_neighbours_land(
    queue: RedisLog, store: PostgresStore
) -> None:
    codec, packed = _core.pack_block(lines(500))
    assert codec == "zstd"
    add(queue, lines(300, "before"), 300)
    bad = {
        "lz9": ("lz9", packed),
        "no Zstandard frame": ("zstd", lines(500)),
        "damaged": ("zstd", packed[: len(packed) // 2]),
        # The header of a frame of 2^40 bytes.
        "at most": ("zstd", b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little")),
    }
    for named, data in bad.values():
        queue.client.command(
            "XADD", "log_queue", "*", "data", data, "codec", named, "format", "json",
            "first_id", 7, "count", 500,
        )  # fmt: skip
    add(queue, lines(300, "after"), 300)
    with working(queue, store):
        wait_until(lambda: drained(queue))
    assert len(messages(store)) == 600
    letters = queue.dead_letters()
    assert len(letters) == len(bad)
    for letter, (reason, (_, data)) in zip(letters, bad.items(), strict=True):
        assert reason in letter.reason
        assert letter.data == data  # as it lay there


def test_a_block_that_kills_its_workers_is_given_up(queue: RedisLog, store: PostgresStore) -> None:
    add(queue, lines(2), 2)
    for n in range(OPTIONS.max_retries):  # each consumer takes it and is never heard of again
        if n == 0:
            queue.read("store", "dead0", 1, 0.0)
        else:
            queue.claim("store", f"dead{n}", 0.0, "0-0", 10)
    with working(queue, store):
        wait_until(lambda: drained(queue))
    assert messages(store) == []
    assert "deliveries" in queue.dead_letters()[0].reason


def test_losses_of_redis_are_counted_and_alerted(queue: RedisLog, store: PostgresStore) -> None:
    for i in range(4):
        add(queue, lines(1, f"l{i}"), 1)
    taken = queue.read("store", "dead", 3, 0.0).items
    gone = [i.entry_ids[0] for i in taken[:2]]
    queue.client.command("XDEL", "log_queue", *gone)
    with working(queue, store) as worker:
        wait_until(lambda: drained(queue) and worker.lost == 2)
    assert messages(store) == ["l2 0", "l3 0"]
    lost = store.sql("SELECT entry_id FROM lost_entries ORDER BY 1")["entry_id"].to_pylist()
    assert lost == sorted(gone)
    AlertWorker(queue, store).step()
    alert = store.alerts(status="open").to_pylist()[0]
    assert (alert["alert_type"], alert["count"]) == ("queue_loss", 2)
    assert all(i in alert["condition"] for i in gone)
    AlertWorker(queue, store).step()
    assert store.alerts().num_rows == 1


@pytest.mark.parametrize("how", ["group", "flush", "trim"])
def test_redis_is_robbed_and_a_fresh_record_passes(
    queue: RedisLog, store: PostgresStore, how: str
) -> None:
    with working(queue, store):
        add(queue, lines(3), 3)
        wait_until(lambda: drained(queue))
        if how == "group":
            queue.client.command("XGROUP", "DESTROY", "log_queue", "store")
        elif how == "flush":
            queue.client.command("FLUSHALL")
        else:
            queue.client.command("XTRIM", "log_queue", "MAXLEN", 0)
        add(queue, lines(1, "fresh"), 1)
        wait_until(lambda: "fresh 0" in messages(store))
    assert sorted(messages(store)) == ["fresh 0", "m 0", "m 1", "m 2"]
    ids = store.sql("SELECT id FROM logs")["id"].to_pylist()
    assert len(set(ids)) == 4


@pytest.mark.parametrize("word", ["OOM", "READONLY"])
def test_redis_refuses_and_recovers(
    redis_server: PrivateRedis, queue: RedisLog, store: PostgresStore, word: str
) -> None:
    with working(queue, store):
        add(queue, lines(2), 2)
        wait_until(lambda: drained(queue))
        if word == "OOM":
            redis_server.cli("CONFIG", "SET", "maxmemory", "1")
        else:
            redis_server.cli("REPLICAOF", "127.0.0.1", "1")
        try:
            refused = queue.add([NewBlock(lines(1), 1)])[0]
            assert isinstance(refused, QueueError)
            assert (refused.code, refused.retryable) == (word, True)
        finally:
            redis_server.cli("CONFIG", "SET", "maxmemory", "0")
            redis_server.cli("REPLICAOF", "NO", "ONE")
        add(queue, lines(1, "fresh"), 1)
        wait_until(lambda: "fresh 0" in messages(store))


def _lock_until(dsn: str, released: threading.Event) -> Callable[[], None]:
    session = PgClient(dsn).session()
    session.execute("BEGIN; LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")

    def release() -> None:
        released.wait(240)
        session.execute("ROLLBACK")

    return release


def test_statement_timeout_is_only_a_delay(queue: RedisLog, store: PostgresStore, dsn: str) -> None:
    hasty = f"{dsn} options='-c statement_timeout=1s'"
    released = threading.Event()
    release = _lock_until(dsn, released)
    thread = threading.Thread(target=release)
    thread.start()
    with PostgresStore(hasty) as slow, working(queue, slow) as worker:
        add(queue, lines(5), 5)
        wait_until(lambda: "57014" in (worker.last_error or ""))
        released.set()
        wait_until(lambda: drained(queue))
    thread.join()
    assert len(messages(store)) == 5
    assert queue.dead_letters() == []


def test_a_peer_that_stops_in_a_transaction_is_cut_off(
    queue: RedisLog, store: PostgresStore, dsn: str
) -> None:
    """Idle after BEGIN, or in the middle of a COPY, which no timeout of the server ends."""
    idle = PgClient(dsn, name="logforest-detect").session()
    idle.execute("BEGIN; LOCK TABLE windows IN ACCESS EXCLUSIVE MODE")
    stranger = PgClient(dsn, name="report").session()
    stranger.execute("BEGIN; LOCK TABLE insights IN ACCESS EXCLUSIVE MODE")
    copying = subprocess.Popen(
        [str(PG_BIN / "psql"), "-qX", dsn], env=os.environ | {"PGAPPNAME": "logforest-store"},
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with copying:
        assert copying.stdin is not None
        copying.stdin.write(
            b"BEGIN; LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE; COPY ledger FROM STDIN;\n"
        )
        copying.stdin.flush()
        half = "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'COPY ledger %'"
        watch = PgClient(dsn).session()
        wait_until(lambda: pa.table(watch.query(half))["n"][0].as_py() == 1)
        with working(queue, store):
            add(queue, lines(4), 4)
            wait_until(lambda: drained(queue))
        copying.kill()
    assert messages(store) == ["m 0", "m 1", "m 2", "m 3"]
    with pytest.raises(StoreError) as cut:
        idle.execute("COMMIT")
    assert cut.value.retryable
    stranger.execute("COMMIT")  # not ours: left alone


def test_deadlock_is_only_a_delay(queue: RedisLog, store: PostgresStore, dsn: str) -> None:
    with store._session() as session:
        name = pa.table(session.query("SELECT current_database() AS n"))["n"][0].as_py()
        session.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '60ms'")
    added = add(queue, lines(3), 3, key="contended")
    rival = PgClient(dsn).session()
    rival.execute("BEGIN; LOCK TABLE windows IN ACCESS EXCLUSIVE MODE")
    with PostgresStore(dsn) as other, working(queue, other) as worker:
        waiting = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted"
        wait_until(lambda: store.sql(waiting)["n"][0].as_py() > 0)
        # The worker holds the ledger key and waits for windows; the rival wants the key. One of
        # the two is chosen as the victim; both outcomes must be right.
        with contextlib.suppress(StoreError):
            rival.query(
                "INSERT INTO ledger (key, digest, first_id, records, rejected, answer) "
                "VALUES ('contended', '', 0, 0, 0, '') RETURNING key"
            )
        rival.execute("ROLLBACK")
        wait_until(lambda: drained(queue))
        del worker
    assert messages(store) == ["m 0", "m 1", "m 2"]
    assert store.sql("SELECT min(id) AS i FROM logs")["i"][0].as_py() == added.first_id


def test_a_commit_that_waits_does_not_hold_up_the_next(
    queue: RedisLog, store: PostgresStore, dsn: str
) -> None:
    rival = PgClient(dsn).session()
    rival.execute("BEGIN")
    rival.query(
        "INSERT INTO ledger (key, digest, first_id, records, rejected, answer) "
        "VALUES ('contended', '', 0, 0, 0, '') RETURNING key"
    )
    with working(queue, store) as worker:
        add(queue, lines(3, "waits"), 3, key="contended")
        waiting = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted"
        wait_until(lambda: store.sql(waiting)["n"][0].as_py() == 1)
        add(queue, lines(2, "passes"), 2)
        wait_until(lambda: worker.done_records == 2)
        assert messages(store) == ["passes 0", "passes 1"]
        rival.execute("ROLLBACK")
        wait_until(lambda: drained(queue))
    assert messages(store) == ["waits 0", "waits 1", "waits 2", "passes 0", "passes 1"]
    assert worker.done_records == 5


class _Broken(StoreWorker):
    def _acknowledge(self, items: Sequence[StreamItem]) -> None:
        raise RuntimeError(f"no way on with {items[0].key}")


def test_what_no_worker_expects_ends_it_whichever_thread_it_was(
    queue: RedisLog, store: PostgresStore
) -> None:
    for i in range(4):
        add(queue, lines(1, f"l{i}"), 1)
    with pytest.raises(RuntimeError, match="no way on"):
        _Broken(queue, store, OPTIONS).run()
    with working(queue, store):  # its successor takes over
        wait_until(lambda: drained(queue))
    assert messages(store) == ["l0 0", "l1 0", "l2 0", "l3 0"]


def test_too_many_connections_is_only_a_delay(
    queue: RedisLog, store: PostgresStore, dsn: str
) -> None:
    holders = PgClient(dsn, pool_size=100, connect_timeout=1.0)
    held: list[PgSession] = []
    refused: StoreError | None = None
    while refused is None or refused.code != "53300":  # a slow machine may time out first
        try:
            held.append(holders.session())
        except StoreError as error:
            refused = error
    assert refused.retryable
    with PostgresStore(dsn, connect_timeout=3.0) as late:
        worker = StoreWorker(queue, late, OPTIONS)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        add(queue, lines(4), 4)
        wait_until(lambda: "too many clients" in (worker.last_error or ""))
        for session in held:
            session.close()
        holders.close()
        wait_until(lambda: drained(queue))
        worker.stop()
        thread.join(240)
    assert len(messages(store)) == 4


@pytest.mark.parametrize("trouble", ["role", "right", "table"])
def test_a_server_set_up_wrongly_buries_nothing(
    queue: RedisLog, store: PostgresStore, dsn: str, trouble: str
) -> None:
    """No record is to blame for a lost login, right or table: all waits until it is mended."""
    name = f"clerk_{trouble}"
    owner = PgClient(dsn).session()
    owner.execute(f"DROP ROLE IF EXISTS {name}")
    owner.execute(f"CREATE ROLE {name} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
    owner.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}")
    breaks, mends, words = {
        "role": (f"ALTER ROLE {name} RENAME TO {name}_2", f"ALTER ROLE {name}_2 RENAME TO {name}",
                 "does not exist"),
        "right": (f"REVOKE INSERT ON logs FROM {name}", f"GRANT INSERT ON logs TO {name}",
                  "permission denied"),
        "table": ("ALTER TABLE ledger RENAME TO lost", "ALTER TABLE lost RENAME TO ledger",
                  "does not exist"),
    }[trouble]  # fmt: skip
    mine = re.sub(r"user=\S+", f"user={name}", dsn)
    with PostgresStore(mine, connect_timeout=60.0) as clerk:
        owner.execute(breaks)
        with working(queue, clerk) as worker:
            add(queue, lines(5), 5)
            wait_until(lambda: words in (worker.last_error or ""))
            assert queue.dead_letters() == []
            owner.execute(mends)
            wait_until(lambda: drained(queue))
            assert worker.buried == 0
    assert len(messages(store)) == 5
    assert queue.dead_letters() == []
    owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
