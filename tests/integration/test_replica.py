"""A read replica of Postgres: queries go there, writes and ids never do."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from logforest import LogBatch, StoreError, parse
from logforest.stores.postgres import PostgresStore
from logforest.testing.cluster import Cluster, fetch
from logforest.testing.servers import PrivatePostgres, wait_until


@pytest.fixture
def servers() -> Iterator[tuple[PrivatePostgres, PrivatePostgres]]:
    primary = PrivatePostgres(fsync="off")
    primary.start()
    replica = PrivatePostgres(primary=primary, fsync="off")
    try:
        replica.start()
        yield primary, replica
    finally:
        replica.close()
        primary.close()


def logs(message: str) -> LogBatch:
    return parse(json.dumps({"message": message}))


def messages(store: PostgresStore) -> list[str]:
    try:
        found: list[str] = sorted(store.logs(limit=100)["message"].to_pylist())
    except StoreError as error:
        if error.code != "42P01":  # the schema has not yet come over
            raise
        return []
    return found


def test_queries_go_to_the_replica(servers: tuple[PrivatePostgres, PrivatePostgres]) -> None:
    primary, replica = servers
    addresses = {"dsn": primary.dsn(), "replica": replica.dsn()}
    # `hasty` is for what must fail; what must succeed is waited for.
    with (
        PostgresStore(**addresses) as store,
        PostgresStore(**addresses, connect_timeout=0.5) as hasty,
    ):
        store.append(logs("one"))
        wait_until(lambda: messages(store) == ["one"])
        assert store.sql("SELECT pg_is_in_recovery() AS r")["r"].to_pylist() == [True]
        replica.psql("SELECT pg_wal_replay_pause()")
        state = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(lambda: replica.psql(state) == "paused")  # it was only asked for
        first, count = store.append(logs("two"))
        assert (first, count) == (2, 1)  # ids come from the server that is written to
        assert messages(store) == ["one"]
        assert primary.psql("SELECT count(*) FROM logs") == "2"
        replica.psql("SELECT pg_wal_replay_resume()")
        wait_until(lambda: messages(store) == ["one", "two"])
        # The primary goes: reading goes on, here and in a process that starts now.
        primary.stop()
        assert messages(store) == ["one", "two"]
        with pytest.raises(StoreError) as down:
            hasty.append(logs("three"))
        assert down.value.retryable
        with PostgresStore(**addresses) as fresh:
            assert messages(fresh) == ["one", "two"]
            fresh.ping_replica()
        with pytest.raises(StoreError):
            hasty.ping()
        # And the other way round.
        primary.start()
        replica.stop()
        store.append(logs("three"))
        with pytest.raises(StoreError) as lost:
            hasty.logs(limit=1)
        assert lost.value.retryable
        replica.start()
        wait_until(lambda: messages(store) == ["one", "three", "two"])


def test_the_service_reads_from_it_and_tells_of_it(
    servers: tuple[PrivatePostgres, PrivatePostgres],
) -> None:
    primary, replica = servers
    env = {"LOGFOREST_POSTGRES_REPLICA": replica.dsn()}
    with Cluster(apis=1, postgres=primary, env=env) as cluster, cluster.client() as client:
        port = cluster.ports[0]

        def services() -> dict[str, str]:
            body = json.loads(fetch(port, "/health")[1])
            return {name: part["status"] for name, part in body["services"].items()}

        def found(word: str) -> int:
            status, body = fetch(port, f"/api/v1/logs?q={word}")
            return len(json.loads(body)["items"]) if status == 200 else -1

        client.post(b'{"message": "first"}')
        wait_until(lambda: found("first") == 1)
        wait_until(lambda: services()["postgres_replica"] == services()["postgres"] == "ok")
        primary.stop()
        assert found("first") == 1
        wait_until(lambda: services()["postgres"] == "failing")
        wait_until(lambda: services()["postgres_replica"] == "ok")
        assert fetch(port, "/health/ready")[0] == 200
        client.post(b'{"message": "second"}')  # waits in the queue
        primary.start()
        wait_until(lambda: found("second") == 1)
        replica.stop()
        wait_until(lambda: services()["postgres_replica"] == "failing")
        assert found("first") == -1
        client.post(b'{"message": "third"}')
        wait_until(lambda: primary.psql("SELECT count(*) FROM logs") == "3")
