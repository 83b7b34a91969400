"""What workers do beside storing: alerts, insights, folding of windows, partitions."""

from __future__ import annotations

import json
import threading

import pyarrow as pa
from tests.store_worker import OPTIONS, add, drained, lines, working

from logforest import _core
from logforest.queues.redis_streams import RedisLog
from logforest.stores.postgres import PostgresStore
from logforest.testing.servers import wait_until
from logforest.workers.alert import AlertWorker
from logforest.workers.insight import InsightWorker


def test_anomalies_become_alerts_once(queue: RedisLog, store: PostgresStore) -> None:
    import datetime as dt

    def anomaly(log_id: int, severity: str) -> dict[str, object]:
        return {
            "log_id": log_id, "kind": "rate", "timestamp": dt.datetime.now(dt.UTC),
            "service": "api", "anomaly_score": 0.9, "severity": severity, "confidence": 0.5,
            "model_version": "m1", "reasons": ["ten times as many errors"],
        }  # fmt: skip

    table = pa.Table.from_pylist([anomaly(1, "high"), anomaly(2, "low"), anomaly(3, "high")])
    assert store.add_anomalies(table) == 3
    assert store.add_anomalies(table) == 0
    listener = _core.RedisSubscription(queue.client, ["alerts"])
    worker = AlertWorker(queue, store)
    worker.step()
    worker.step()
    alerts = store.alerts().to_pylist()
    assert [(a["alert_type"], a["severity"], a["count"]) for a in alerts] == [
        ("anomaly:rate", "high", 2)
    ]
    outbox = store.sql("SELECT channel, sent_at IS NOT NULL AS sent FROM notifications").to_pylist()
    assert outbox == [{"channel": "log", "sent": True}]
    topic, payload = listener.next(120.0)  # type: ignore[misc]
    assert (topic, json.loads(payload)[0]["count"]) == ("alerts", 2)
    store.add_anomalies(pa.Table.from_pylist([anomaly(4, "high")]))
    worker.step()
    assert store.alerts().to_pylist()[0]["count"] == 3  # counted up, not announced again
    assert store.sql("SELECT count(*) AS n FROM notifications")["n"].to_pylist() == [1]


def test_failing_notifier_is_tried_again_later(store: PostgresStore, queue: RedisLog) -> None:
    store.add_lost("store", ["1-1"])
    store.raise_loss_alerts(("log",))

    def broken(payload: str) -> None:
        raise OSError("sink is down")

    assert store.drain_outbox("log", broken) == 0
    assert store.drain_outbox("log", broken) == 0  # not due yet
    row = store.sql("SELECT attempts, last_error FROM notifications").to_pylist()
    assert row == [{"attempts": 1, "last_error": "sink is down"}]
    del queue


def test_new_templates_are_noted_for_insight(queue: RedisLog, store: PostgresStore) -> None:
    queue.create_group("insight")
    add(queue, lines(20) + b'\n{"message": "disk full on sda"}', 21)
    with working(queue, store):
        wait_until(lambda: drained(queue))
        wait_until(lambda: store.sql("SELECT * FROM templates").num_rows == 2)
    worker = InsightWorker(queue, store, OPTIONS)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    wait_until(lambda: worker.done_entries == 1)
    worker.stop()
    thread.join(240)
    rows = store.sql("SELECT status, count(*) AS n FROM insights GROUP BY 1").to_pylist()
    assert rows == [{"status": "disabled", "n": 2}]


def test_window_deltas_fold_without_changing_a_sum(queue: RedisLog, store: PostgresStore) -> None:
    old = b"\n".join(
        json.dumps(
            {"timestamp": "2026-01-01T00:00:30Z", "message": "x", "response_time": i}
        ).encode()
        for i in range(50)
    )
    for _ in range(3):
        add(queue, old, 50)
        with working(queue, store):
            wait_until(lambda: drained(queue))
    before = store.windows(every="1m", by=("level",))
    assert store.sql("SELECT count(*) AS n FROM windows")["n"].to_pylist() == [3]
    assert store.fold_windows() == 2
    assert store.sql("SELECT count(*) AS n FROM windows")["n"].to_pylist() == [1]
    assert store.windows(every="1m", by=("level",)) == before


def test_times_far_away_go_to_the_default_partition(queue: RedisLog, store: PostgresStore) -> None:
    add(queue, b'{"timestamp": "1999-01-01T00:00:00Z", "message": "old"}\n'
               b'{"timestamp": "2026-02-01T00:00:00Z", "message": "february"}', 2)  # fmt: skip
    with working(queue, store):
        wait_until(lambda: drained(queue))
    where = store.sql(
        "SELECT tableoid::regclass::text AS t, message FROM logs ORDER BY 2"
    ).to_pylist()
    assert where == [
        {"t": "logs_2026_02", "message": "february"}, {"t": "logs_default", "message": "old"},
    ]  # fmt: skip
