"""Detection on small made-up traffic: what fires, what stays silent, and how it is told."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest

import logforest as lf
from logforest import demo
from logforest.detection import KINDS, SEVERITIES, choose_window, schema
from logforest.detection.surprise import Tail, binomial_surprise, poisson_surprise
from logforest.errors import ConfigError, ModelError

START = 1_767_571_200_000_000
STAMP = pa.timestamp("us", "UTC")


def minutes(per_minute, *, service="api", first=0, seed=0, **columns):
    """Records of ``service``: per_minute[i] in minute first + i; columns: value or f(minute, k)."""
    rng = np.random.default_rng(seed)
    rows = []
    for minute, count in enumerate(per_minute, first):
        stamps = np.sort(rng.integers(0, 60_000_000, count)) + START + minute * 60_000_000
        for k, stamp in enumerate(stamps):
            row = {
                "timestamp": int(stamp),
                "service": service,
                "level": "INFO",
                "message": f"request {k} served",
                "status_code": 200,
                "response_time": 20.0,
            }
            row |= {n: v(minute, k) if callable(v) else v for n, v in columns.items()}
            rows.append(row)
    return rows


def table(*parts):
    rows = sorted((r for part in parts for r in part), key=lambda r: r["timestamp"])
    types = {
        "timestamp": STAMP, "service": pa.string(), "level": pa.string(),
        "message": pa.string(), "status_code": pa.int16(), "response_time": pa.float64(),
        "ip_address": pa.string(), "user_id": pa.string(),
    }  # fmt: skip
    return pa.table({n: pa.array([r.get(n) for r in rows], t) for n, t in types.items()})


def other(total=60):
    """A second service, so that the feed goes on when the first is silent."""
    return minutes([80] * total, service="web", seed=9)


def kinds(logs, service="api", **options):
    found = lf.detect(logs, every="1m", **options).to_pylist()
    return [r for r in found if r["service"] == service and r["kind"] != "unusual_record"]


def minute_of(row):
    return (int(row["window_start"].timestamp() * 1e6) - START) // 60_000_000


def test_steady_traffic_with_noise_is_silent():
    rng = np.random.default_rng(1)
    counts = rng.poisson(60, 120)
    logs = table(
        minutes(counts, response_time=lambda *_: float(rng.lognormal(3, 0.5)),
                status_code=lambda *_: 500 if rng.random() < 0.01 else 200),
        other(120),
    )  # fmt: skip
    assert kinds(logs) == []
    assert kinds(logs, "web") == []


def test_error_burst_is_told_with_status_and_shares():
    bad = lambda m, k: 502 if m >= 50 and k % 3 == 0 else 200  # noqa: E731
    found = kinds(table(minutes([60] * 60, status_code=bad), other()))
    assert {r["kind"] for r in found} == {"error_burst"}
    assert sorted(minute_of(r) for r in found) == list(range(50, 60))
    assert "status 502, 33 % of this service's requests now, never before" in found[0]["reason"]
    assert found[0]["actual"] == pytest.approx(1 / 3)
    assert found[0]["severity"] == "critical"
    assert {str(r["incident_start"]) for r in found} == {str(found[0]["window_start"])}
    assert found[0]["features_used"][0]["feature"] == "error_rate"


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


def test_other_words_in_a_known_template_are_no_news():
    def said(minute, k):
        if minute < 40:
            return f"peer gone at {DAYS[min(minute // 10, 3)]} Jul 6 10:{minute}:12 2026, {k} left"
        return f"peer gone at Fri Jul 10 10:{minute}:12 2026, {k} left"

    logs = table(minutes([60] * 60, message=said, level="ERROR"), other())
    assert len(set(logs["message"].to_pylist())) > 1000
    assert kinds(logs) == []

    def fresh(minute, k):
        return said(minute, k) if minute < 40 else f"disk {k} is on fire"

    found = kinds(table(minutes([60] * 60, message=fresh, level="ERROR"), other()))
    assert {row["kind"] for row in found} == {"new_template"}


def test_failed_logins_show_one():
    def said(minute, k):
        if minute >= 40 and k % 2:
            return f"Failed password for u{k} from 10.0.0.{k} port {k}"
        return f"Connection closed by 10.0.0.{k} port {k}"

    found = kinds(table(minutes([200] * 50, message=said), other(50)))
    shown = [
        row["message"] for row in found if row["kind"] in ("failed_logins", "credential_stuffing")
    ]
    assert len(shown) == 10
    assert all(message.startswith("Failed password") for message in shown)


def test_silence_and_its_end():
    found = kinds(table(minutes([40] * 45), minutes([40] * 10, first=50), other()))
    assert {r["kind"] for r in found} == {"silent_service"}
    assert [minute_of(r) for r in found] == [45, 46, 47, 48, 49]
    assert found[2]["reason"] == "no record for 3 minutes, 40 a minute usually"
    assert found[0]["severity"] in {"high", "critical"}
    assert found[0]["log_id"] >= 0


def test_whole_feed_stopping_blames_nobody():
    web = [minutes([80] * 30, service="web", first=first) for first in (0, 90)]
    logs = table(minutes([40] * 30), minutes([40] * 30, first=90), *web)
    assert kinds(logs) == kinds(logs, "web") == []


def test_slow_responses_but_not_another_mix_of_requests():
    rng = np.random.default_rng(2)
    slow = lambda m, k: float(rng.lognormal(3, 0.4)) * (2.5 if m >= 50 else 1)  # noqa: E731
    found = kinds(table(minutes([60] * 60, response_time=slow), other()))
    assert {r["kind"] for r in found} == {"latency_drift"}
    assert sorted(minute_of(r) for r in found) == list(range(50, 60))
    assert "times as long as usual (median" in found[0]["reason"]
    # The same share of slow reports rises from 10 to 60 %: each request is as quick as ever.
    report = lambda m, k: k % 10 < (6 if m >= 50 else 1)  # noqa: E731
    mix = table(
        minutes([60] * 60, message=lambda m, k: "report made" if report(m, k) else "page shown",
                response_time=lambda m, k: 400.0 if report(m, k) else 20.0),
        other(),
    )  # fmt: skip
    assert kinds(mix) == []


def test_failed_logins_of_many_users_and_of_one():
    def attack(user):
        return minutes(
            [50] * 4,
            first=50,
            seed=5,
            level="WARN",
            status_code=401,
            message="login failed for user x",
            ip_address="198.51.100.7",
            user_id=user,
        )

    many = kinds(table(minutes([60] * 60), attack(lambda m, k: f"u{k}"), other()))
    one = kinds(table(minutes([60] * 60), attack("root"), other()))
    assert {r["kind"] for r in many} == {"credential_stuffing"}
    assert {r["kind"] for r in one} == {"failed_logins"}
    assert "198.51.100.7 alone failed 50 times" in many[0]["reason"]
    assert [minute_of(r) for r in many] == [50, 51, 52, 53]


def test_failed_logins_told_only_by_words():
    said = lambda m, k: f"Failed password for u{k} from 203.0.113.9 port {k}"  # noqa: E731
    lines = minutes([40] * 3, first=50, seed=3, service="sshd", status_code=None, message=said)
    usual = minutes([40] * 60, service="sshd", status_code=None, message="session opened")
    found = kinds(table(usual, lines, other()), "sshd")
    assert {r["kind"] for r in found} == {"credential_stuffing"}
    assert "203.0.113.9 alone failed 40 times" in found[0]["reason"]


@pytest.mark.parametrize(
    ("level", "expected"), [("ERROR", {"new_template"}), ("INFO", set())], ids=["error", "info"]
)
def test_new_message_matters_by_its_level(level, expected):
    odd = minutes([3] * 3, first=50, seed=3, level=level, message="cache shard lost its leader")
    found = kinds(table(minutes([60] * 60), odd, other()))
    assert {r["kind"] for r in found} == expected
    for row in found:
        assert "never seen in 3,000 records of this service before" in row["reason"]
        assert row["template"] == "cache shard lost its leader"
        assert row["samples"] == ["cache shard lost its leader"]


def test_vanished_and_surging_messages():
    beat = lambda m, k: "heartbeat sent" if k % 4 == 0 and m < 150 else "page shown"  # noqa: E731
    gone = kinds(table(minutes([60] * 170, message=beat), other(170)))
    assert {r["kind"] for r in gone} == {"template_vanished"}
    assert "heartbeat sent" in gone[0]["reason"]
    warn = lambda m, k: "retrying call" if k % 30 == 0 or (m >= 150 and k % 2) else "ok"  # noqa: E731
    surge = kinds(table(minutes([60] * 160, message=warn, level=lambda m, k: (
        "WARN" if warn(m, k) == "retrying call" else "INFO")), other(160)))  # fmt: skip
    assert {r["kind"] for r in surge} == {"template_surge"}


NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"]


def test_one_statement_of_many_fingerprints_vanishes_as_a_whole():
    """Ten names in one sentence are ten fingerprints and one template."""

    def beat(gone):
        return lambda m, k: (
            "page shown"
            if k % 2 or (m >= 150 and NAMES[k // 2 % 10] in gone)
            else f"mail fetched for {NAMES[k // 2 % 10]} in time"
        )

    logs = {n: minutes([80] * 170, message=beat(NAMES[:n])) for n in (2, 10)}
    assert kinds(table(logs[2], other(170))) == []  # its sisters live
    found = kinds(table(logs[10], other(170)))
    assert {(r["kind"], r["template"]) for r in found} == {
        ("template_vanished", "mail fetched for <*> in time")
    }
    assert len(found) == len({r["window_start"] for r in found})  # once a window
    assert found[0]["expected"] == pytest.approx(40, rel=0.05)


def test_one_statement_of_many_fingerprints_surges_as_a_whole():
    """No name alone has the ten records that a surge needs."""

    def warn(m, k):
        name = NAMES[(k + m) % 10]
        return f"mailbox of {name} is locked" if k < 2 or (m >= 150 and k < 40) else "page shown"

    level = lambda m, k: "WARN" if "locked" in warn(m, k) else "INFO"  # noqa: E731
    found = kinds(table(minutes([80] * 153, message=warn, level=level), other(153)))
    assert {(r["kind"], r["template"]) for r in found} == {
        ("template_surge", "mailbox of <*> is locked")
    }
    assert [r["actual"] for r in found] == [40.0] * 3
    assert found[0]["expected"] == pytest.approx(2.0, rel=0.1)


def test_a_new_message_of_many_fingerprints_counts_as_one():
    odd = [
        {**row, "message": f"certificate of {NAMES[i % 10]} was revoked"}
        for i, row in enumerate(minutes([6] * 2, first=50, seed=3, level="WARN"))
    ]
    (found,) = kinds(table(minutes([60] * 52, seed=1), odd, other(52)))[-1:]
    assert (found["kind"], found["template"]) == ("new_template", "certificate of <*> was revoked")
    assert found["actual"] == 12.0
    assert "other new" not in found["reason"]


def test_groups_of_templates_are_the_same_after_a_restart(tmp_path):
    def beat(m, k):
        return f"mail fetched for {NAMES[k % 10]} in time" if k % 2 and m < 150 else "page shown"

    logs = table(minutes([80] * 170, message=beat), other(170))
    cut = pa.compute.index(logs["timestamp"], logs["timestamp"][22_400]).as_py()
    whole, early = lf.Detector(), lf.Detector()
    early.process(logs.slice(0, cut))
    early.save(tmp_path / "detector.lf")
    late = lf.Detector.load(tmp_path / "detector.lf")
    whole.process(logs.slice(0, cut))
    rest = logs.slice(cut)
    tables = [
        pa.concat_tables([d.process(rest), d.flush()]).drop_columns(["detected_at"]).to_pylist()
        for d in (whole, late)
    ]
    assert any(row["kind"] == "template_vanished" for row in tables[0])
    assert [r for r in tables[0] if r["kind"] == "template_vanished"] == [
        r for r in tables[1] if r["kind"] == "template_vanished"
    ]


def test_volume_up_and_down():
    assert {r["kind"] for r in kinds(table(minutes([60] * 50 + [300] * 5), other(55)))} == {
        "volume_surge"
    }
    down = kinds(table(minutes([90] * 50 + [9] * 5), other(55)))
    assert {r["kind"] for r in down} == {"volume_drop"}


def test_cold_start_is_said_and_silent():
    bad = table(minutes([60] * 10, status_code=500, level="ERROR"), other(10))
    found = lf.detect(bad, every="1m")
    assert [r for r in found.to_pylist() if r["kind"] != "unusual_record"] == []
    status = json.loads(found.schema.metadata[b"status"])
    assert "still learning 2 of 2 services" in status["note"]
    assert status["records"] == 1400


def test_batches_of_any_size_give_the_same_windows():
    text, _ = demo.generate(30_000, hours=3, seed=4)
    logs = pa.table(lf.parse(text))

    def run(size):
        detector = lf.Detector(forest_warmup=5000)
        parts = [detector.process(logs.slice(a, size)) for a in range(0, logs.num_rows, size)]
        return pa.concat_tables([*parts, detector.flush()]).drop_columns(["detected_at"])

    whole, parts = run(1 << 30), run(777)
    windows = [
        t.filter(pa.compute.not_equal(t["kind"], "unusual_record")).sort_by("timestamp").to_pylist()
        for t in (whole, parts)
    ]
    assert windows[0]
    assert windows[0] == windows[1]


def test_table_has_the_promised_columns_and_values():
    text, _ = demo.generate(60_000, hours=4, seed=2)
    found = lf.detect(lf.parse(text))
    assert found.schema.equals(schema(), check_metadata=False)
    assert found.num_rows > 0
    for row in found.to_pylist():
        assert row["kind"] in KINDS
        assert row["severity"] in SEVERITIES
        assert 0.5 <= row["anomaly_score"] <= 1.0 or row["kind"] != "unusual_record"
        assert 0.0 <= row["confidence"] <= 1.0
        assert row["reason"]
        assert row["reasons"]
        assert row["window_start"] <= row["timestamp"] < row["window_end"]
    assert found["timestamp"].to_pylist() == sorted(found["timestamp"].to_pylist())


def test_single_strange_records_are_found_and_explained():
    rng = np.random.default_rng(3)
    time = lambda m, k: 60_000.0 if (m, k) == (50, 7) else float(rng.lognormal(3, 0.3))  # noqa: E731
    logs = table(
        minutes([100] * 60, response_time=time,
                level=lambda m, k: "ERROR" if (m, k) == (50, 7) else "INFO",
                status_code=lambda m, k: 504 if (m, k) == (50, 7) else 200),
        other(),
    )  # fmt: skip
    found = [r for r in lf.detect(logs, every="1m").to_pylist() if r["kind"] == "unusual_record"]
    strange = [r for r in found if "response time 60.0 s" in r["reason"]]
    assert len(strange) == 1
    assert "usually" in strange[0]["reason"]
    assert logs["response_time"][strange[0]["log_id"]].as_py() == 60_000.0
    assert sum(f["contribution"] for f in strange[0]["features_used"]) > 0


def test_hostile_times_and_empty_input():
    assert lf.detect(table([])).num_rows == 0
    rows = minutes([60] * 40)
    rows[10]["timestamp"] = 4_000_000_000_000_000  # the year 2096: one wrong clock
    rows[11]["timestamp"] = 0
    assert [r for r in kinds(table(rows, other(40))) if r["kind"] != "unusual_record"] == []
    with pytest.raises(ConfigError, match="window"):
        lf.Detector(every="5x")
    with pytest.raises(TypeError, match="model"):
        lf.detect(table([]), model=3)


def test_window_choice_follows_density():
    assert choose_window(10_000_000, 86_400, 6) == "1m"
    assert choose_window(2000, 86_400 * 30) == "6h"


def test_surprises_and_tail():
    assert poisson_surprise(0, 20) == pytest.approx(20)
    assert binomial_surprise(10, 10, 0.1) == pytest.approx(10 * np.log(10))
    light, heavy = Tail(size=20_000), Tail(size=20_000)
    rng = np.random.default_rng(0)
    for _ in range(200):
        light.add(rng.exponential(2.0, 100))
        heavy.add(2.0 * (rng.random(100) ** -0.5 - 1.0) / 0.5)  # generalised Pareto of shape 0.5
    assert 1.6 < light.scale < 2.4
    assert light.shape < 0.15
    assert 0.3 < heavy.shape < 0.7
    for tail, quantile in ((light, -2 * np.log(1e-3)), (heavy, 4 * (1e-3**-0.5 - 1))):
        assert 0.3e-3 < tail.exceedance(quantile) < 3e-3
    assert light.confidence(60.0) > 0.9
    assert heavy.confidence(60.0) < 0.5
    assert Tail().confidence(15.0) < 0.5  # nothing is known yet


def test_share_of_true_findings_counts_what_chance_brings():
    tail = Tail()
    tail.add(np.random.default_rng(1).exponential(1.0, 4000))
    before = tail.confidence(12.0)
    tail.add(np.full(40, 14.0))  # an incident: forty windows that chance does not bring
    assert before < 0.5
    assert tail.confidence(12.0) > 0.9


def test_saved_detector_goes_on_as_if_nothing_had_happened(tmp_path):
    text, _ = demo.generate(60_000, hours=4, seed=6)
    logs = lf.parse(text).to_arrow()
    half = logs.num_rows // 2
    first = lf.Detector(forest_warmup=5000)
    first.process(logs.slice(0, half))
    first.flush()
    first.save(tmp_path / "state.lfd")
    again = lf.Detector.load(tmp_path / "state.lfd")
    rest = logs.slice(half)
    found = [pa.concat_tables([d.process(rest), d.flush()]) for d in (first, again)]
    assert found[0].num_rows > 0
    assert found[0].drop_columns(["detected_at"]).equals(found[1].drop_columns(["detected_at"]))
    assert again.status() == first.status()
    assert lf.detect(rest, model=str(tmp_path / "state.lfd")).num_rows == found[0].num_rows


def test_hostile_detector_files_are_refused():
    detector = lf.Detector(max_services=8, max_templates=64)
    detector.process(table(minutes([30] * 30)))
    good = detector.to_bytes()
    assert lf.Detector.from_bytes(good).to_bytes() == good
    for bad in (b"", good[:-1], good + b"x", good[:20], b"LFDT0001" + bytes(48)):
        with pytest.raises(ModelError):
            lf.Detector.from_bytes(bad)
    rng = np.random.default_rng(0)
    for _ in range(60):  # checksums made right again: the content itself must be refused or fit
        body = bytearray(good[:-32])
        body[int(rng.integers(16, min(len(body), 4000)))] ^= 1 << int(rng.integers(8))
        try:
            lf.Detector.from_bytes(bytes(body) + hashlib.sha256(body).digest())
        except ModelError:
            continue


def test_every_anomaly_says_what_it_saw() -> None:
    text, _ = demo.generate(60_000, hours=6, seed=3)
    logs = lf.parse(text).to_arrow()
    ms = logs["response_time"].to_numpy().copy()
    ms[50_000:50_020] *= 1e4
    at = logs.column_names.index("response_time")
    logs = logs.set_column(at, "response_time", pa.array(ms, from_pandas=True))
    rows = lf.detect(logs).to_pylist()
    assert {"latency_drift", "silent_service", "unusual_record"} <= {r["kind"] for r in rows}
    for row in rows:
        for name in ("reason", "features_used", "expected", "actual", "template", "samples"):
            assert row[name] not in (None, [], ""), (row["kind"], name)
