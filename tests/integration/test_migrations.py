"""Migrations that build indexes online: cut off anywhere, run again, beside writers."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pyarrow as pa
import pytest

from logforest._core import PgClient
from logforest.errors import ConfigError, StoreError
from logforest.stores import postgres_online, postgres_schema
from logforest.testing.servers import PrivatePostgres, wait_until

VERSION = 6  # the migration that replaces logs_service by logs_service_level
INSERT = (
    "INSERT INTO logs (id, tenant, timestamp, level, service, message) "
    "SELECT n, 'default', now() - n * interval '20 minutes', 'INFO', 'api', 'm' || n "
    "FROM generate_series({first}, {last}) n"
)


# A writer that Postgres waits for before it finishes the index of this month.
HOLD = (
    "DO $$ BEGIN EXECUTE format('LOCK TABLE %I IN ROW EXCLUSIVE MODE', "
    "'logs_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')); END $$"
)


def rows(dsn: str, sql: str) -> list[dict[str, object]]:
    session = PgClient(dsn, pool_size=1).session()
    try:
        return pa.table(session.query(sql)).to_pylist()
    finally:
        session.close()


def before(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of the release before, with records in several partitions."""
    every = postgres_schema.migrations()
    session = PgClient(dsn, pool_size=1).session()
    with monkeypatch.context() as patch:
        patch.setattr(postgres_schema, "migrations", lambda: every[: VERSION - 1])
        postgres_schema.migrate(session)
    session.execute(INSERT.format(first=1, last=3000))
    session.close()


def migrating(dsn: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "logforest", "db", "migrate", "--postgres", dsn],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(process: subprocess.Popen[bytes]) -> str:
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0, out
    return out.decode()


def unfinished(dsn: str) -> list[dict[str, object]]:
    return rows(dsn, "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid "
                     "AND indexrelid::regclass::text ~ '^logs_[0-9].*_service_level'")  # fmt: skip


def held(dsn: str) -> bool:
    """Whether the index that HOLD keeps from being finished is being built."""
    month = rows(dsn, "SELECT 'logs_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AS name")
    return any(str(i["name"]).startswith(str(month[0]["name"])) for i in unfinished(dsn))


def check_schema(dsn: str) -> None:
    """One valid index of each partition, parts of the parent's; the one of before is gone."""
    indexes = rows(dsn, """
        SELECT x.indrelid::regclass::text AS "table", x.indisvalid AS valid,
               i.inhparent::regclass::text AS parent
        FROM pg_index x LEFT JOIN pg_inherits i ON i.inhrelid = x.indexrelid
        WHERE pg_get_indexdef(x.indexrelid) LIKE '%(service, level, "timestamp")'""")  # fmt: skip
    partitions = rows(dsn, "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
                           "WHERE inhparent = 'logs'::regclass")  # fmt: skip
    assert len(partitions) >= 5
    want = {("logs", None)} | {(str(p["name"]), "logs_service_level") for p in partitions}
    assert {(i["table"], i["parent"]) for i in indexes} == want
    assert len(indexes) == len(want)
    assert all(i["valid"] for i in indexes), indexes
    assert rows(dsn, "SELECT to_regclass('logs_service') IS NULL AS gone") == [{"gone": True}]
    session = PgClient(dsn, pool_size=1).session()
    postgres_schema.check(session)
    assert postgres_schema.migrate(session) == []
    session.close()


@pytest.fixture
def holder(dsn: str) -> Iterator[PgClient]:
    client = PgClient(dsn, pool_size=1, name="holder")
    yield client
    client.close()


def test_writers_go_on_while_an_index_is_built(
    dsn: str, holder: PgClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(dsn, monkeypatch)
    session = holder.session()
    session.execute(f"BEGIN; {HOLD}")
    process = migrating(dsn)
    wait_until(lambda: held(dsn), what="an index that is being built")
    other = PgClient(dsn, pool_size=1).session()
    other.execute("SET lock_timeout = '200s'; " + INSERT.format(first=5001, last=5100))
    assert process.poll() is None
    # A second one waits for the first and finds nothing to do.
    second = migrating(dsn)
    wait_until(
        lambda: rows(dsn, "SELECT count(*) AS n FROM pg_stat_activity "
                          "WHERE application_name = 'logforest-db'")[0]["n"] == 2,
        what="two that migrate",
    )  # fmt: skip
    session.execute("COMMIT")
    session.close()
    other.close()
    assert "applied 0006" in finish(process)
    assert "nothing to do" in finish(second)
    check_schema(dsn)
    assert rows(dsn, "SELECT count(*) AS n FROM logs") == [{"n": 3100}]


def test_killed_while_an_index_is_built(
    dsn: str, holder: PgClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(dsn, monkeypatch)
    session = holder.session()
    session.execute(f"BEGIN; {HOLD}")
    process = migrating(dsn)
    wait_until(lambda: held(dsn), what="an index that is being built")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    backends = "FROM pg_stat_activity WHERE application_name = 'logforest-db'"
    rows(dsn, f"SELECT pg_terminate_backend(pid) {backends}")
    wait_until(lambda: not rows(dsn, f"SELECT pid {backends}"), what="the end of its session")
    session.execute("ROLLBACK")
    session.close()
    assert unfinished(dsn)
    assert "applied 0006" in finish(migrating(dsn))
    check_schema(dsn)


def test_server_killed_while_an_index_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    server = PrivatePostgres(fsync="off")
    try:
        server.start()
        dsn = server.dsn()
        before(dsn, monkeypatch)
        client = PgClient(dsn, pool_size=1)
        session = client.session()
        session.execute(f"BEGIN; {HOLD}")
        process = migrating(dsn)
        wait_until(lambda: held(dsn), what="an index that is being built")
        server.kill()
        process.communicate(timeout=240)
        assert process.returncode != 0
        client.close()
        server.start()
        assert unfinished(dsn)
        assert "applied 0006" in finish(migrating(dsn))
        check_schema(dsn)
    finally:
        server.close()


@pytest.mark.parametrize("stop", range(1, 15))
def test_cut_off_behind_every_step(dsn: str, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    """Whatever was done last, the next run does the rest."""
    before(dsn, monkeypatch)
    steps: list[str] = []

    class Stopping:
        def __init__(self, session: object) -> None:
            self._session = session

        def execute(self, sql: str, timeout: float | None = None) -> None:
            self._session.execute(sql, timeout)  # type: ignore[attr-defined]
            if re.search("INDEX", sql):
                steps.append(sql)
                if len(steps) == stop:
                    raise KeyboardInterrupt

        def __getattr__(self, name: str) -> object:
            return getattr(self._session, name)

    session = PgClient(dsn, pool_size=1).session()
    with pytest.raises(KeyboardInterrupt):
        postgres_schema.migrate(Stopping(session))  # type: ignore[arg-type]
    session.close()
    session = PgClient(dsn, pool_size=1).session()
    assert [m.version for m in postgres_schema.migrate(session)] == [VERSION]
    session.close()
    check_schema(dsn)


def test_a_lock_that_is_not_to_be_had(
    dsn: str, holder: PgClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(dsn, monkeypatch)
    monkeypatch.setattr(postgres_online, "_LOCK_PATIENCE", 0.0)
    monkeypatch.setattr(postgres_online, "LOCK_TIMEOUT_MS", 1)
    session = holder.session()
    session.execute("BEGIN; LOCK TABLE ONLY logs IN ROW EXCLUSIVE MODE")
    other = PgClient(dsn, pool_size=1).session()
    with pytest.raises(StoreError, match="lock timeout"):
        postgres_schema.migrate(other)
    assert not other.in_transaction
    session.execute("COMMIT")
    session.close()
    assert [m.version for m in postgres_schema.migrate(other)] == [VERSION]
    other.close()
    check_schema(dsn)


def test_databases_that_have_the_text_of_before(dsn: str) -> None:
    session = PgClient(dsn, pool_size=1).session()
    postgres_schema.migrate(session)
    migration = postgres_schema.migrations()[VERSION - 1]
    (old,) = migration.accepted - {migration.checksum}
    session.execute(f"UPDATE schema_migrations SET checksum = '{old}' WHERE version = {VERSION}")
    postgres_schema.check(session)
    assert postgres_schema.migrate(session) == []
    with pytest.raises(ConfigError, match="online migration"):
        postgres_online.run_online(session, "-- online\nDELETE FROM logs;")
    session.close()
