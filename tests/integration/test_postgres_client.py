"""The Postgres client against a real server."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys

import pyarrow as pa
import pytest

from logforest import ConfigError, StoreError, _core
from logforest._core import PgClient
from logforest.sql import statement
from logforest.testing.servers import PrivatePostgres, wait_until

LOGS_TABLE = """
CREATE TYPE log_level AS ENUM ('DEBUG', 'INFO', 'WARN', 'ERROR', 'CRITICAL');
CREATE TYPE log_category AS ENUM ('General', 'Business', 'Performance', 'Security');
CREATE TABLE logs (id bigint, tenant text, timestamp timestamptz, level log_level, service text,
 source text, message text, endpoint text, method text, status_code smallint,
 response_time float8, ip_address text, user_id text, trace_id text, span_id text,
 category log_category, template_id bigint, metadata json, created_at timestamptz)"""


def to_arrow(source: object) -> pa.Table:
    return pa.table(source)


def batch(rows: int, message: str = "user {} logged in") -> _core.LogBatch:
    """Records in which every third one lacks all optional fields."""
    full = [i % 3 != 0 for i in range(rows)]

    def some(values: list[object]) -> list[object]:
        return [v if keep else None for v, keep in zip(values, full, strict=True)]

    time_type = pa.timestamp("us", tz="UTC")
    start = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
    stamps = [start + dt.timedelta(seconds=i, microseconds=i) for i in range(rows)]
    words = pa.dictionary(pa.int32(), pa.string())
    codes = pa.dictionary(pa.uint8(), pa.string())
    empty = to_arrow(_core.LogBatch())
    level = pa.DictionaryArray.from_arrays(
        pa.array([i % 5 for i in range(rows)], pa.uint8()),
        pa.array(["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"]),
    )
    category = pa.DictionaryArray.from_arrays(
        pa.array(some([i % 4 for i in range(rows)]), pa.uint8()),
        pa.array(["General", "Business", "Performance", "Security"]),
    )
    columns = {
        "id": pa.array(range(1, rows + 1), pa.int64()),
        "tenant": pa.array(["default"] * rows).cast(words),
        "timestamp": pa.array(stamps, time_type),
        "level": level,
        "service": pa.array(some([f"svc-{i % 7}" for i in range(rows)])).cast(words),
        "source": pa.array(some(["h\x00st" if i == 1 else "host" for i in range(rows)])).cast(
            words
        ),
        "message": pa.array([message.format(i) for i in range(rows)]),
        "endpoint": pa.array(some([f"/a/{i}" for i in range(rows)])),
        "method": pa.array(some(["GET"] * rows)).cast(words),
        "status_code": pa.array(some([200 + i % 300 for i in range(rows)]), pa.int16()),
        "response_time": pa.array(some([i / 7 for i in range(rows)]), pa.float64()),
        "ip_address": pa.array(some(["10.0.0.1"] * rows)),
        "user_id": pa.array(some([str(i) for i in range(rows)])),
        "trace_id": pa.array(some(["ab" * 16] * rows)),
        "span_id": pa.array(some(["cd" * 8] * rows)),
        "category": category,
        "template_id": pa.array(some([-(2**60) + i for i in range(rows)]), pa.int64()),
        "metadata": pa.array(some([f'{{"n": {i}, "s": "\\u0000"}}' for i in range(rows)])),
        "created_at": pa.array(stamps, time_type),
    }
    assert set(columns) == set(empty.schema.names)
    assert codes == level.type
    return _core.LogBatch.from_arrow(pa.table(columns, schema=empty.schema))


def test_copy_and_read_back_every_column(dsn: str) -> None:
    logs = batch(1000)
    session = PgClient(dsn).session()
    session.execute(LOGS_TABLE)
    assert session.copy_logs("logs", logs) == 1000
    back = to_arrow(
        session.query_logs(
            statement("postgres", "select_logs").format(
                source="logs", where="", order="ASC", limit=""
            )
        )
    ).combine_chunks()
    want = to_arrow(logs).combine_chunks()
    for name in want.schema.names:
        expected = want[name].to_pylist()
        if name == "source":  # text cannot hold NUL in Postgres
            expected = [v.replace("\x00", "\u2400") if v else v for v in expected]
        assert back[name].to_pylist() == expected, name


def test_copy_is_all_or_nothing_and_says_why(dsn: str) -> None:
    session = PgClient(dsn).session()
    session.execute(LOGS_TABLE + "; ALTER TABLE logs ADD CHECK (id <> 500)")
    with pytest.raises(StoreError, match="check constraint") as refused:
        session.copy_logs("logs", batch(1000))
    assert (refused.value.code, refused.value.retryable) == ("23514", False)
    # Still in step, and nothing of it was stored.
    assert to_arrow(session.query("SELECT count(*) AS n FROM logs"))["n"].to_pylist() == [0]


def test_text_that_is_not_utf8_is_marked(dsn: str) -> None:
    session = PgClient(dsn).session()
    session.execute(LOGS_TABLE)
    session.copy_logs("logs", batch(3, "\x00a{}\x00 é"))
    got = to_arrow(session.query("SELECT message FROM logs ORDER BY id"))["message"].to_pylist()
    assert got == [f"\u2400a{i}\u2400 é" for i in range(3)]


def test_arrow_types_both_ways(dsn: str) -> None:
    session = PgClient(dsn).session()
    session.execute(
        "CREATE TABLE t (a bigint, b int, c smallint, d float8, e real, f boolean, g text, "
        "h bytea, i timestamptz, j text, k json)"
    )
    table = pa.table(
        {
            "a": pa.array([1, None, -(2**63)], pa.int64()),
            "b": pa.array([2, None, 3], pa.int32()),
            "c": pa.array([200, None, 0], pa.uint8()),
            "d": pa.array([0.1, None, float("nan")]),
            "e": pa.array([0.5, None, 2.0], pa.float32()),
            "f": pa.array([True, None, False]),
            "g": pa.array(["x", None, "nul\x00"]),
            "h": pa.array([b"\x00\xff", None, b""], pa.large_binary()),
            "i": pa.array([0, None, 1], pa.timestamp("us", tz="UTC")),
            "j": pa.array(["d", None, "d"]).dictionary_encode(),
            "k": pa.array(['{"a": 1}', None, "[]"]),
        }
    )
    # A slice: offsets must count.
    doubled = pa.concat_tables([table, table]).combine_chunks().slice(3, 3)
    assert session.copy_arrow("t", doubled) == 3
    back = to_arrow(session.query("SELECT * FROM t"))
    for name in table.schema.names:
        want = table[name].to_pylist()
        if name == "g":
            want[2] = "nul\u2400"
        if name == "d":
            assert str(back[name].to_pylist()) == str(want)
        else:
            assert back[name].to_pylist() == want, name
    with pytest.raises(ConfigError, match="tdD"):
        session.copy_arrow("t", pa.table({"a": pa.array([1], pa.date32())}))


def test_query_types(dsn: str) -> None:
    session = PgClient(dsn).session()
    row = to_arrow(
        session.query(
            "SELECT 12345.6789::numeric AS n, -0.00005::numeric AS m, 'x'::varchar AS v, "
            "'2025-06-01'::date AS d, '{\"a\":1}'::jsonb AS j, "
            "'0f8fad5b-d9cd-469f-a165-70867728950e'::uuid AS u, '10.0.0.1'::inet AS i, "
            "ARRAY[1,2] AS l, interval '1 day' AS iv, NULL AS nothing, $1 AS p, "
            "$2::text[] AS texts, $3::bytea AS raw",
            ["it's", ["a,b", 'c"\\', None], b"\x00\x01"],
        )
    ).to_pylist()[0]
    assert row == {
        "n": 12345.6789, "m": -0.00005, "v": "x", "d": dt.date(2025, 6, 1), "j": '{"a": 1}',
        "u": "0f8fad5b-d9cd-469f-a165-70867728950e", "i": "10.0.0.1/32",
        "l": "{1,2}", "iv": "1 day",
        "nothing": None, "p": "it's", "texts": '{"a,b","c\\"\\\\",NULL}', "raw": b"\x00\x01",
    }  # fmt: skip
    empty = to_arrow(session.query("SELECT 1 AS a WHERE false"))
    assert (empty.num_rows, empty.schema.names) == (0, ["a"])


def test_a_function_called_for_what_it_does_runs_once(dsn: str) -> None:
    session = PgClient(dsn).session()
    session.query("SELECT pg_advisory_lock(4711)")
    held = to_arrow(session.query("SELECT pg_advisory_unlock(4711) AS once"))
    again = session.query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    assert held["once"].to_pylist() == [True]
    assert to_arrow(again)["count"].to_pylist() == [0]


def test_errors_are_typed(dsn: str) -> None:
    session = PgClient(dsn).session()
    with pytest.raises(StoreError, match="syntax") as syntax:
        session.query("SELEC 1")
    assert (syntax.value.code, syntax.value.retryable) == ("42601", False)
    session.execute("SET statement_timeout = 50")
    with pytest.raises(StoreError) as timeout:
        session.query("SELECT pg_sleep(600)")
    assert (timeout.value.code, timeout.value.retryable) == ("57014", True)
    client = PgClient(dsn, command_timeout=2.0)
    session = client.session()
    with pytest.raises(StoreError) as stuck:
        session.query("SELECT pg_sleep(600)")
    assert (stuck.value.code, stuck.value.retryable) == ("TIMEOUT", True)
    # A dead session stays dead (its transaction is gone); the pool gives a new one.
    with pytest.raises(StoreError):
        session.query("SELECT 1")
    session.close()

    def answered() -> bool:
        try:
            return bool(to_arrow(client.session().query("SELECT 1 AS a"))["a"].to_pylist() == [1])
        except StoreError as error:  # a slow machine needs more than the two seconds
            if error.code != "TIMEOUT":
                raise
            return False

    wait_until(answered)


def test_bad_addresses(dsn: str) -> None:
    with pytest.raises(ConfigError, match="DSN"):
        PgClient("nonsense=1").session()
    with pytest.raises(StoreError) as down:
        PgClient("host=/tmp/none user=x dbname=y", connect_timeout=0.3).session()
    assert down.value.retryable
    with pytest.raises(StoreError) as login:
        PgClient(dsn.replace("dbname=", "dbname=not_"), connect_timeout=60).session()
    assert not login.value.retryable


def test_open_transactions_never_return_to_the_pool(dsn: str) -> None:
    client = PgClient(dsn, pool_size=1)
    session = client.session()
    session.execute("CREATE TABLE t (a int)")
    session.execute("BEGIN; INSERT INTO t VALUES (1)")
    assert session.in_transaction
    session.close()
    again = client.session()
    assert to_arrow(again.query("SELECT count(*) AS n FROM t"))["n"].to_pylist() == [0]
    with pytest.raises(StoreError) as full:
        PgClient.session(client)
    assert full.value.code == "POOL"


def test_notifications(dsn: str) -> None:
    client = PgClient(dsn)
    listener = client.session()
    listener.execute("LISTEN news")
    assert listener.wait_notification(0.05) is None
    client.session().execute("NOTIFY news, 'hello'")
    assert listener.wait_notification(240.0) == ("news", "hello")


def test_recovers_after_the_server_was_killed() -> None:
    server = PrivatePostgres()
    server.start()
    try:
        client = PgClient(server.dsn(), connect_timeout=60)
        session = client.session()
        session.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        session.close()
        server.kill()
        server.start()
        # The pool notices that its idle connection is dead.
        assert to_arrow(client.session().query("SELECT a FROM t"))["a"].to_pylist() == [1]
    finally:
        server.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_long_query(dsn: str, number: signal.Signals) -> None:
    code = (
        "import signal, sys\n"
        "from logforest._core import PgClient\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        f"session = PgClient({dsn!r}, name='sleeper').session()\n"
        "try:\n    session.query('SELECT pg_sleep(600)')\n"
        "except KeyboardInterrupt:\n    sys.exit(9)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    session = PgClient(dsn).session()
    active = (
        "SELECT count(*) AS n FROM pg_stat_activity "
        "WHERE application_name = 'sleeper' AND state = 'active' AND query LIKE '%pg_sleep%'"
    )
    wait_until(lambda: to_arrow(session.query(active))["n"][0].as_py() == 1)
    os.kill(process.pid, number)
    assert process.wait(300) == {signal.SIGINT: 9, signal.SIGTERM: 7}[number]
    # The query was cancelled on the server too.
    wait_until(lambda: to_arrow(session.query(active))["n"][0].as_py() == 0)
