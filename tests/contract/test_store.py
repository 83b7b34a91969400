"""The contract of a store: what goes in comes out, once, filtered, paged, aggregated."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import logforest as lf
from logforest.errors import ConfigError
from logforest.pipeline.group import prepare_batch
from logforest.stores.base import Block, LogQuery, Receipt, Store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")


def record(i: int) -> dict[str, object]:
    return {
        "timestamp": (START + timedelta(seconds=10 * (i // 2))).isoformat(),  # ties in time
        "level": LEVELS[i % 5],
        "service": ("api", "auth", "web")[i % 3],
        "host": f"host-{i % 2}",
        "message": f"Payment {i} of user {i % 7} {'TIMED out' if i % 10 == 0 else 'went well'}",
        "status": (200, 404, 503)[i % 3],
        "duration_ms": i,
        "order": {"id": i, "lines": [1, 2]},
    }


def batch(n: int, bad: int = 0) -> lf.LogBatch:
    lines = [json.dumps(record(i)) for i in range(n)] + ['{"broken" 1}'] * bad
    return lf.parse("\n".join(lines).encode(), format="json")


def ids(logs: lf.LogBatch) -> list[int]:
    return logs["id"].to_pylist()


@pytest.fixture
def full(store: Store) -> Store:
    assert store.append(batch(60)) == (1, 60)
    return store


def test_records_come_back_whole(store: Store) -> None:
    sent = batch(20)
    first, count = store.append(sent)
    assert (first, count) == (1, 20)
    got = store.logs(ascending=True).to_arrow()
    want = sent.to_arrow()
    for name in want.column_names:
        if name not in ("id", "template_id", "category"):
            assert got[name].to_pylist() == want[name].to_pylist(), name
    assert got["id"].to_pylist() == list(range(1, 21))
    assert None not in got["template_id"].to_pylist()
    assert json.loads(got["metadata"][3].as_py()) == {"order": {"id": 3, "lines": [1, 2]}}


def test_append_does_not_change_what_it_was_given(store: Store) -> None:
    logs = batch(3)
    before = logs.to_arrow()
    store.append(logs)
    store.append(logs)
    assert before["id"].to_pylist() == [None] * 3
    assert store.count(LogQuery()) == 6


def test_newest_first_ties_by_id(full: Store) -> None:
    got = full.logs().to_arrow()
    keys = list(zip(got["timestamp"].to_pylist(), got["id"].to_pylist(), strict=True))
    assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"level": ["ERROR"]}, lambda i: i % 5 == 3),
        ({"level": ["warning", "CRITICAL"]}, lambda i: i % 5 in (2, 4)),
        ({"service": ["api", "web"]}, lambda i: i % 3 != 1),
        ({"source": ["host-1"]}, lambda i: i % 2 == 1),
        ({"status_min": 400, "status_max": 499}, lambda i: i % 3 == 1),
        ({"since": START + timedelta(seconds=100)}, lambda i: i >= 20),
        ({"until": START + timedelta(seconds=100)}, lambda i: i < 20),
        ({"q": "timed OUT"}, lambda i: i % 10 == 0),
        ({"q": '"user 3"'}, lambda i: i % 7 == 3),
        ({"q": "payment 17"}, lambda i: i == 17),
        ({"q": "100% of _nothing_"}, lambda i: False),
        ({"tenant": "default"}, lambda i: True),
        ({"tenant": "other"}, lambda i: False),
        ({"level": ["ERROR"], "service": ["api"], "q": "well"}, lambda i: i % 15 == 3),
    ],
)
def test_filters(full: Store, filters: dict[str, object], wanted: object) -> None:
    want = [i + 1 for i in range(60) if wanted(i)]  # type: ignore[operator]
    assert sorted(ids(full.logs(**filters))) == want
    assert full.count(LogQuery(**filters)) == len(want)


def test_filter_by_template(full: Store) -> None:
    template = full.logs(limit=1)["template_id"][0].as_py()
    rows = full.logs(template=template)["template_id"].to_pylist()
    assert rows
    assert set(rows) == {template}


def test_unknown_filters_are_refused(full: Store) -> None:
    with pytest.raises(lf.ConfigError, match="colour"):
        full.logs(colour="red")
    with pytest.raises(lf.ConfigError, match="LOUD"):
        full.logs(level=["LOUD"])


@pytest.mark.parametrize("ascending", [False, True])
def test_pages_cover_everything_once_while_records_arrive(full: Store, ascending: bool) -> None:
    seen: list[int] = []
    cursor = None
    while True:
        page = full.page(LogQuery(limit=7, cursor=cursor, ascending=ascending))
        seen += ids(page.logs)
        full.append(batch(1))  # older than where a descending reader is
        cursor = page.next_cursor
        if cursor is None:
            break
    old = [i for i in seen if i <= 60]
    assert sorted(old) == list(range(1, 61))
    assert len(seen) == len(set(seen))


def test_offset_and_limit(full: Store) -> None:
    everything = ids(full.logs())
    assert ids(full.logs(limit=5, offset=10)) == everything[10:15]
    assert ids(full.logs(limit=0)) == []


def test_one_record_and_its_context(full: Store) -> None:
    assert ids(full.log(30)) == [30]
    assert full.log(999).num_rows == 0
    around = full.context(30, lines=2)
    assert set(around["service"].to_pylist()) == {"web"}
    assert ids(around) == [24, 27, 30, 33, 36]
    assert ids(full.context(1, lines=2)) == [1, 4, 7]
    assert full.context(999).num_rows == 0


def test_windows_equal_the_library(full: Store) -> None:
    full.append(batch(40))  # a second delta for the same minutes
    logs = full.logs(ascending=True)
    for every, by in (("1m", ("service", "level")), ("5m", ()), ("1h", ("category", "tenant"))):
        assert full.windows(every=every, by=by) == lf.aggregate(logs, every=every, by=by)
    since, until = START + timedelta(minutes=1), START + timedelta(minutes=3)
    part = full.windows(every="1m", by=("level",), since=since, until=until)
    assert part == lf.aggregate(full.logs(since=since, until=until), every="1m", by=("level",))
    assert full.time_range() == (START, START + timedelta(minutes=5))


def test_templates_count_and_explain(full: Store) -> None:
    rows = full.templates(limit=10).to_pylist()
    assert sum(row["count"] for row in rows) == 60
    assert [row["count"] for row in rows] == sorted((r["count"] for r in rows), reverse=True)
    assert rows[0]["example"].startswith("Payment ")
    errors = full.logs(level=["ERROR", "CRITICAL"]).num_rows
    assert sum(row["error_count"] for row in rows) == errors > 0


def test_rejects_are_kept(store: Store) -> None:
    logs = batch(2, bad=3)
    assert logs.rejected.num_rows == 3
    store.append(logs)
    kept = store.sql("SELECT line, reason, text FROM rejected_logs ORDER BY line").to_pylist()
    assert kept == [
        {"line": 3 + i, "reason": "invalid_json", "text": '{"broken" 1}'} for i in range(3)
    ]


def test_rejects_tell_their_file(store: Store, tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(b'{"message": "good"}\n{"broken" 1}\n')
    store.append(lf.read_logs(str(tmp_path / "*.log"), format="json"))
    store.append(batch(1, bad=1))
    kept = store.sql("SELECT file, line FROM rejected_logs ORDER BY file NULLS LAST").to_pylist()
    assert kept == [
        {"file": str(tmp_path / "a.log"), "line": 2},
        {"file": str(tmp_path / "b.log"), "line": 2},
        {"file": None, "line": 2},
    ]


def block(store: Store, n: int, key: str = "") -> Block:
    made = prepare_batch(batch(n), reserve_ids=store.reserve_ids)
    if key:
        first = made.logs["id"][0].as_py()
        made.receipts = [Receipt(key, "digest", first, n, 0, "[]")]
    return made


def test_a_commit_is_all_or_nothing(store: Store) -> None:
    good = block(store, 5, "k1")
    bad = block(store, 5)
    bad.windows = pa.table({"nonsense": [1]})
    with pytest.raises(lf.LogforestError):
        store.commit([good, bad])
    assert store.count(LogQuery()) == 0
    assert store.receipts(["k1"]) == {}
    store.commit([good])
    assert store.count(LogQuery()) == 5


def test_receipts_answer_for_their_keys(store: Store) -> None:
    one, two = block(store, 3, "a"), block(store, 4, "b'; --")
    store.commit([one, two])
    assert store.receipts(["a", "b'; --", "c"]) == {
        "a": one.receipts[0],
        "b'; --": two.receipts[0],
    }
    assert store.receipts([]) == {}


def test_anomalies_are_kept_once(full: Store) -> None:
    def found(log_id: int, severity: str, kind: str = "error_burst") -> dict[str, object]:
        return {
            "log_id": log_id,
            "timestamp": START + timedelta(seconds=log_id),
            "tenant": "default",
            "service": "api" if log_id % 2 else "auth",
            "kind": kind,
            "anomaly_score": 0.9,
            "severity": severity,
            "confidence": 0.8,
            "model_version": "m1",
            "reasons": ["errors 12 times as usual", "0.2 expected"],
            "features_used": [
                {"feature": "errors", "value": 12.0, "expected": 1.0, "contribution": 3.5}
            ],
            "detected_at": START,
        }

    first = pa.Table.from_pylist([found(3, "high"), found(4, "low")])
    assert full.add_anomalies(first, detected_id=10) == 2
    again = pa.Table.from_pylist([found(3, "high"), found(3, "high", "other"), found(5, "low")])
    assert full.add_anomalies(again, detected_id=8) == 2
    assert full.detected_id() == 10  # never back
    assert full.add_anomalies(None, detected_id=60) == 0
    assert full.detected_id() == 60
    rows = full.anomalies().to_pylist()
    assert [row["log_id"] for row in rows] == [5, 4, 3, 3]
    assert rows[-1]["features_used"][0]["contribution"] == 3.5
    assert rows[-1]["reasons"] == ["errors 12 times as usual", "0.2 expected"]
    assert full.anomalies(severity=["low"], service=["auth"])["log_id"].to_pylist() == [4]
    one = full.anomalies(anomaly_id=rows[0]["id"]).to_pylist()
    assert [row["log_id"] for row in one] == [5]


def test_records_after_an_id(full: Store) -> None:
    assert ids(full.after(50, 60, 5)) == [51, 52, 53, 54, 55]
    assert ids(full.after(57, 59, 100)) == [58, 59]
    assert full.after(60, 100, 5).num_rows == 0


def test_sql_reads_and_nothing_else(full: Store) -> None:
    assert full.sql("SELECT count(*) AS n FROM logs WHERE level = $1", ["ERROR"])[
        "n"
    ].to_pylist() == [12]
    for statement in (
        "DELETE FROM logs",
        "DROP TABLE logs",
        "SELECT 1; DELETE FROM logs",
        "WITH x AS (DELETE FROM logs RETURNING id) SELECT * FROM x",
        "COPY logs TO '/tmp/stolen'",
        "SELEC 1",
        "",
    ):
        with pytest.raises(lf.LogforestError):
            full.sql(statement)
    with pytest.raises(lf.LogforestError):
        full.sql("SELECT * FROM read_text('/etc/passwd')")
    assert full.count(LogQuery()) == 60


def test_readers_see_whole_commits_only(store: Store) -> None:
    """While a writer commits batches of 50, every count a reader sees is a multiple of 50."""
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            seen.append(store.count(LogQuery()))

    reader = threading.Thread(target=read)
    reader.start()
    blocks = [block(store, 50) for _ in range(20)]
    for one in blocks:
        store.commit([one])
    done.set()
    reader.join()
    assert seen == sorted(seen)
    assert all(n % 50 == 0 for n in seen)
    assert store.count(LogQuery()) == 1000


def test_alerts_are_empty_at_first(store: Store) -> None:
    assert store.alerts().num_rows == 0
    assert store.alerts(status="open").num_rows == 0


@pytest.mark.parametrize("of", [lf.LogBatch.to_arrow, lf.LogBatch.to_pandas, lf.LogBatch.to_polars])
def test_frames_are_appended(store: Store, of: Callable[[lf.LogBatch], object]) -> None:
    assert store.append(of(batch(3))) == (1, 3)
    assert store.logs()["message"].to_pylist() == batch(3)["message"].to_pylist()[::-1]
    for wrong in (None, "level=info msg=a", ["a"]):
        with pytest.raises(ConfigError):
            store.append(wrong)


def test_nothing_is_lost_after_a_batch_without_records(store: Store) -> None:
    for sent in (batch(0), batch(0, bad=1), batch(1), batch(0, bad=2), batch(2)):
        store.append(sent)
    assert store.logs().num_rows == 3
    assert store.sql("SELECT count(*) AS n FROM rejected_logs")["n"].to_pylist() == [3]


def test_nul_and_its_neighbours_are_kept_and_found(store: Store) -> None:
    line = (
        b'{"level": "info", "service": "a\\u0000b", "message": "zero \\u0000 here", "k": "\\u0000"}'
    )
    assert store.append(lf.parse(line + b"\n" + line)) == (1, 2)
    assert store.logs(q="zero here").num_rows == 2
    assert store.logs(q="\0").num_rows == 2
    assert store.logs(q="\ud800").num_rows == 0
    assert store.logs(service="a\0b").num_rows == 2
    assert store.templates()["count"].to_pylist() == [2]


@pytest.mark.parametrize("since", ["2026-03-01T12:01:30Z", datetime(2026, 3, 1, 12, 1, 30)])
def test_every_reader_takes_times_alike(full: Store, since: str | datetime) -> None:
    aware = datetime(2026, 3, 1, 12, 1, 30, tzinfo=UTC)
    assert full.logs(since=since).num_rows == full.logs(since=aware).num_rows == 42
    assert full.windows(since=since) == full.windows(since=aware)
    # The minute that it lies in counts as a whole.
    assert full.windows(since=since)["window_start"][0].as_py() == aware.replace(second=0)
    assert full.time_range(since=since) == full.time_range(since=aware)
    assert full.templates(since=since).equals(full.templates(since=aware))
    assert full.anomalies(since=since).num_rows == 0
    readers = (full.logs, full.windows, full.time_range, full.templates, full.anomalies)
    for read in readers:
        with pytest.raises(ConfigError, match="since: 'garbage' is no time"):
            read(since="garbage")


def test_one_name_is_one_name(full: Store) -> None:
    assert full.windows(by="service").by == ("service",)
    assert full.windows(by=(key for key in ["service"])) == full.windows(by="service")
    found = {
        "log_id": 3, "timestamp": START, "service": "api", "kind": "error_burst",
        "anomaly_score": 0.9, "severity": "high", "confidence": 0.8, "model_version": "m1",
        "detected_at": START,
    }  # fmt: skip
    twice = [found, {**found, "timestamp": START + timedelta(minutes=1)}]
    assert full.add_anomalies(pa.Table.from_pylist(twice)) == 1  # keyed by log, model and kind
    assert full.anomalies()["timestamp"].to_pylist() == [START]
    for filters in ({"service": "api"}, {"severity": "HIGH"}, {"kind": "error_burst"}):
        assert full.anomalies(**filters).num_rows == 1, filters
    assert full.anomalies(service="a").num_rows == 0


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"limit": "x"}, {"service": 5}, {"nope": 1}])
def test_wrong_arguments_are_config_errors(full: Store, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        full.anomalies(**wrong)
    with pytest.raises(ConfigError):
        full.logs(**wrong)


def test_context_stays_with_the_tenant_and_crosses_quiet_hours(store: Store) -> None:
    lines = [
        json.dumps({"ts": f"2026-03-0{d}T00:00:00Z", "service": "a", "msg": "m"}) for d in (1, 2, 3)
    ]
    store.append(lf.parse("\n".join(lines)))
    store.append(lf.parse(lines[1], tenant="other"))
    assert [row["tenant"] for row in store.context(2).to_arrow().to_pylist()] == ["default"] * 3
    assert ids(store.context(2, lines=1)) == [1, 2, 3]
    with pytest.raises(ConfigError, match="lines"):
        store.context(2, lines=-1)


def test_alerts_have_the_same_columns_everywhere(store: Store) -> None:
    assert store.alerts().column_names == [
        "id", "alert_type", "severity", "tenant", "service", "condition", "status", "triggered_at",
        "acknowledged_at", "resolved_at", "count", "fingerprint",
    ]  # fmt: skip


def test_anomalies_that_lack_something_are_refused_by_name(full: Store) -> None:
    with pytest.raises(lf.LogforestError, match="log_id"):
        full.add_anomalies(pa.table({"kind": ["error_burst"], "model_version": ["m1"]}))
    assert full.anomalies().num_rows == 0


def test_a_duckdb_file_of_before_gets_the_column(tmp_path: Path) -> None:
    import duckdb

    with lf.open(tmp_path / "logs.duckdb") as store:
        store.append(batch(1, bad=1))
    with duckdb.connect(str(tmp_path / "logs.duckdb")) as raw:
        raw.execute("ALTER TABLE rejected_logs DROP COLUMN file")
    (tmp_path / "a.log").write_bytes(b'{"message": "good"}\n{"broken" 1}\n')
    for _ in range(2):
        with lf.open(tmp_path / "logs.duckdb") as store:
            store.append(lf.read_logs(str(tmp_path / "a.log"), format="json"))
    with lf.open(tmp_path / "logs.duckdb") as store:
        found = store.sql("SELECT file FROM rejected_logs ORDER BY line, file NULLS FIRST")
    assert found["file"].to_pylist() == [None, *[str(tmp_path / "a.log")] * 2]
