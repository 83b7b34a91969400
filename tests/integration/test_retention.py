"""Retention in Postgres: per tenant and level, whole months dropped, nobody held up."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest

from logforest._core import PgClient, PgSession
from logforest.queues.redis_entries import NewBlock
from logforest.queues.redis_streams import RedisLog
from logforest.sql import statement
from logforest.stores import postgres_schema
from logforest.stores.postgres import PostgresStore
from logforest.workers.base import WorkerOptions
from logforest.workers.store import StoreWorker

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def store(dsn: str) -> Iterator[PostgresStore]:
    with PostgresStore(dsn) as store:
        store.ping()
        yield store


@pytest.fixture
def session(dsn: str, store: PostgresStore) -> PgSession:
    del store
    return PgClient(dsn).session()


@pytest.fixture
def queue(redis_url: str) -> RedisLog:
    queue = RedisLog(redis_url)
    queue.create_group("store")
    return queue


def rule(session: PgSession, days: int, tenant: str = "", level: str = "") -> None:
    session.query(statement("postgres", "set_retention"), [days, tenant, level])


def store_records(
    queue: RedisLog, store: PostgresStore, *records: tuple[str, str, float], copies: int = 1
) -> None:
    """(tenant, level, age in days) each."""
    for tenant, level, age in records:
        line = json.dumps(
            {
                "timestamp": (NOW - dt.timedelta(days=age)).isoformat(),
                "level": level,
                "message": f"{tenant} {level} {age:g}",
            }
        )
        body = "\n".join([line] * copies).encode()
        queue.add([NewBlock(body, copies, format="json", tenant=tenant)])
    items = queue.read("store", "c", 1000, 0.0).items
    worker = StoreWorker(queue, store, WorkerOptions())
    worker.finish(items, worker.prepare(items))
    queue.acknowledge("store", items)


def left(session: PgSession) -> set[str]:
    rows = pa.table(session.query("SELECT DISTINCT message FROM logs"))
    return set(rows["message"].to_pylist())


def partitions(session: PgSession) -> list[str]:
    rows: list[str] = pa.table(session.query(statement("postgres", "partitions")))[
        "name"
    ].to_pylist()
    return rows


def test_the_most_specific_rule_decides(
    queue: RedisLog, store: PostgresStore, session: PgSession
) -> None:
    store_records(
        queue, store,
        *((tenant, level, age) for tenant in ("acme", "other") for level in ("DEBUG", "ERROR")
          for age in (3, 10, 40, 100)),
    )  # fmt: skip
    before = left(session)
    assert postgres_schema.retain(session) == {"partitions": 0, "rows": 0}
    assert left(session) == before  # no rule: kept for ever
    rule(session, 60)
    rule(session, 7, level="DEBUG")
    rule(session, 30, tenant="acme")
    rule(session, 365, tenant="acme", level="ERROR")
    done = postgres_schema.retain(session)
    assert left(session) == {
        *(f"acme ERROR {age}" for age in (3, 10, 40, 100)),
        *(f"acme DEBUG {age}" for age in (3, 10)),  # the tenant counts for more than the level
        *(f"other ERROR {age}" for age in (3, 10, 40)),
        "other DEBUG 3",
    }
    assert done == {"partitions": 0, "rows": 6}
    assert postgres_schema.retain(session)["rows"] == 0


def test_whole_months_are_dropped(
    queue: RedisLog, store: PostgresStore, session: PgSession
) -> None:
    store_records(queue, store, ("t", "INFO", 1), ("t", "INFO", 200), ("t", "INFO", 4000))
    old = (NOW - dt.timedelta(days=200)).strftime("logs_%Y_%m")
    assert old in partitions(session)
    rule(session, 400, tenant="keeps longer")
    rule(session, 100)
    # The longest rule holds the month; its rows go one by one, those of "default" too.
    assert postgres_schema.retain(session) == {"partitions": 0, "rows": 2}
    store_records(queue, store, ("t", "INFO", 200))
    session.execute("DELETE FROM retention_rules WHERE tenant IS NOT NULL")
    assert postgres_schema.retain(session) == {"partitions": 1, "rows": 0}
    assert old not in partitions(session)
    assert left(session) == {"t INFO 1"}
    # A straggler of a dropped month is stored, and goes with the next round.
    store_records(queue, store, ("t", "INFO", 200))
    assert left(session) == {"t INFO 1", "t INFO 200"}
    assert postgres_schema.retain(session)["rows"] == 1


def test_a_long_query_holds_up_nobody(
    queue: RedisLog, store: PostgresStore, session: PgSession, dsn: str
) -> None:
    store_records(queue, store, ("t", "INFO", 1), ("t", "INFO", 200))
    rule(session, 100)
    reader = PgClient(dsn).session()
    reader.execute("BEGIN")
    reader.query("SELECT count(*) FROM logs")  # holds its locks until the end
    assert postgres_schema.retain(session) == {"partitions": 0, "rows": 1}
    store_records(queue, store, ("t", "INFO", 2))  # writers went on meanwhile
    reader.execute("ROLLBACK")
    assert postgres_schema.retain(session) == {"partitions": 1, "rows": 0}
    assert left(session) == {"t INFO 1", "t INFO 2"}


def test_one_at_a_time_and_in_bites(
    queue: RedisLog,
    store: PostgresStore,
    session: PgSession,
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_records(queue, store, ("t", "INFO", 50), copies=1050)
    rule(session, 30)
    monkeypatch.setattr(postgres_schema, "_DELETED_AT_ONCE", 100)
    assert postgres_schema.retain(session, seconds=0.0)["rows"] == 0  # no time: nothing done
    other = PgClient(dsn).session()
    other.execute(f"SELECT pg_advisory_lock({postgres_schema._RETENTION_LOCK})")
    assert postgres_schema.retain(session)["rows"] == 0
    other.execute(f"SELECT pg_advisory_unlock({postgres_schema._RETENTION_LOCK})")
    counts: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: counts.append(postgres_schema.retain(PgClient(dsn).session())["rows"])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 1050
    assert left(session) == set()


def test_workers_make_partitions_ahead_and_retain(
    queue: RedisLog, store: PostgresStore, session: PgSession
) -> None:
    """What a store worker's housekeeping does, once its minutes have passed."""
    number = NOW.year * 12 + NOW.month + 1
    newest = f"logs_{number // 12}_{number % 12 + 1:02}"  # of the month after the next
    session.execute(f'DROP TABLE "{newest}"')
    store_records(queue, store, ("t", "INFO", 1), ("t", "INFO", 50))
    rule(session, 30)
    store.maintain(idle=False)
    assert newest not in partitions(session)  # not yet due
    store._maintained = store._retained = -1e9
    store.maintain(idle=False)
    assert newest in partitions(session)
    assert left(session) == {"t INFO 1"}
