"""What people pass who have not read our types: taken where it has one meaning, else refused."""

from __future__ import annotations

import copy
import gzip
import multiprocessing
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import logforest as lf
from logforest import demo

LINES = [
    '{"ts": "2026-03-01T10:00:00Z", "level": "warn", "service": "a", "msg": "slow 12", "ms": 3}',
    '{"ts": "2026-03-01T10:00:01Z", "level": "err", "service": "b", "msg": "x", "status": 502}',
    "not json",
]
TEXT = "\n".join(LINES)
FRAMES: dict[str, Callable[[lf.LogBatch], Any]] = {
    "arrow": lf.LogBatch.to_arrow,
    "pandas": lf.LogBatch.to_pandas,
    "polars": lf.LogBatch.to_polars,
}


@pytest.fixture(scope="module")
def traffic() -> lf.LogBatch:
    text, _ = demo.generate(8_000, hours=3, seed=5)
    return lf.parse(text)


@pytest.fixture(params=FRAMES)
def frame_of(request: pytest.FixtureRequest) -> Callable[[lf.LogBatch], Any]:
    return FRAMES[request.param]


def test_frames_do_where_batches_do(
    traffic: lf.LogBatch, frame_of: Callable[[lf.LogBatch], Any]
) -> None:
    frame = frame_of(traffic)
    assert lf.aggregate(frame) == lf.aggregate(traffic)
    features = lf.LogFeatureExtractor().fit(traffic).transform(traffic)
    assert np.array_equal(
        lf.LogFeatureExtractor().fit(frame).transform(frame), features, equal_nan=True
    )
    columns = ["log_id", "kind", "anomaly_score", "reason"]
    assert lf.detect(frame).select(columns).equals(lf.detect(traffic).select(columns))


def test_stored_records_are_judged_in_order_of_time(traffic: lf.LogBatch) -> None:
    with lf.open(":memory:") as store:
        store.append(traffic)
        newest_first = lf.detect(store.logs())
        oldest_first = lf.detect(store.logs(ascending=True))
    assert newest_first.num_rows
    assert newest_first.drop_columns("detected_at").equals(oldest_first.drop_columns("detected_at"))


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))]
)
def test_batches_and_windows_travel(again: Callable[[Any], Any]) -> None:
    logs = lf.parse(TEXT + "\n\n")
    other = again(logs)
    assert other.to_arrow().equals(logs.to_arrow())
    assert other.rejected.equals(logs.rejected)
    assert (other.counts, other.format) == (logs.counts, "json")
    assert again(lf.parse(b"")).num_rows == 0
    windows = lf.aggregate(logs, every="10m", slide="5m", by=("level",))
    assert again(windows) == windows
    assert again(lf.merge(windows, windows)) == lf.merge(windows, windows)


def _windows_of(logs: lf.LogBatch) -> lf.WindowTable:
    return lf.aggregate(logs)


def test_batches_cross_processes(traffic: lf.LogBatch) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        parts = pool.map(_windows_of, [traffic.head(1000), traffic])
    assert parts == [lf.aggregate(traffic.head(1000)), lf.aggregate(traffic)]


def test_detectors_travel(traffic: lf.LogBatch) -> None:
    detector = lf.Detector().fit(traffic)
    other = pickle.loads(pickle.dumps(detector))
    found = lf.detect(traffic, model=other).drop_columns("detected_at")
    known = lf.Detector.from_bytes(detector.to_bytes())
    assert found.equals(lf.detect(traffic, model=known).drop_columns("detected_at"))


@pytest.mark.parametrize(
    "lines",
    [
        LINES, tuple(LINES), iter(LINES), pd.Series(LINES), pl.Series(LINES), np.array(LINES),
        pa.array(LINES), pa.chunked_array([LINES[:1], LINES[1:]]),
    ],
    ids=lambda lines: type(lines).__name__,
)  # fmt: skip
def test_lines_come_in_any_sequence(lines: Any) -> None:
    logs = lf.read_logs(lines)
    assert (logs.num_rows, logs.counts["rejected"]) == (2, 1)


def test_a_list_of_paths_is_a_list_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(TEXT)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(TEXT.encode()))
    paths = [tmp_path / "a.log", tmp_path / "b.log.gz"]
    assert lf.read_logs(paths).num_rows == 4
    assert [b.num_rows for b in lf.read_logs(paths, batch_rows=3)] == [3, 1]


@pytest.mark.parametrize(
    "source", [None, 5, {"a": 1}, [b"x"], [{"msg": "a"}], pd.DataFrame({"a": LINES})]
)
def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(lf.ConfigError):
        lf.read_logs(source)


@pytest.mark.parametrize(
    "options",
    [
        {"nope": 1}, {"threads": "x"}, {"threads": 1.5}, {"zone_minutes": "x"}, {"tenant": None},
        {"received": float("nan")}, {"received": 1e300}, {"max_line_bytes": 2**70},
        {"format": None}, {"format": 5}, {"pattern": 5}, {"batch_rows": 0}, {"batch_rows": 1.0},
        {"batch_rows": 2**80}, {"batch_rows": 5, "format": "nope"},
    ],
)  # fmt: skip
def test_wrong_options_are_config_errors_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(lf.ConfigError):
        lf.read_logs(LINES, **options)


def test_time_of_receipt_may_be_a_datetime() -> None:
    when = datetime(2026, 3, 1, 10, tzinfo=UTC)
    for received in (when, when.replace(tzinfo=None), when.timestamp()):
        assert lf.parse("hello", received=received)["timestamp"][0].as_py() == when


def test_masking_on_demand() -> None:
    text = "mail of bob@example.org from 10.1.2.3"
    assert lf.parse(text)["message"].to_pylist() == [text]
    assert lf.parse(text, mask=True)["message"].to_pylist() == ["mail of <EMAIL> from <IP>"]
    assert lf.read_logs([text], mask="storage")["message"].to_pylist() == [
        "mail of <EMAIL> from 10.1.2.3"
    ]
    (part,) = lf.read_logs([text], mask={"ip": "off"}, batch_rows=5)
    assert part["message"].to_pylist() == ["mail of <EMAIL> from 10.1.2.3"]


def test_filters_know_levels_and_times() -> None:
    logs = lf.parse(TEXT)
    assert logs.filter(level="error").num_rows == logs.filter(level="err").num_rows == 1
    assert logs.filter(level=["warning", "ERROR"]).num_rows == 2
    assert logs.filter(timestamp="2026-03-01T10:00:00Z").num_rows == 1
    assert logs.filter(timestamp=pd.Timestamp("2026-03-01T10:00:00Z")).num_rows == 1
    assert logs.filter(service=pd.Series(["a"])).num_rows == 1
    assert logs.filter(status_code=None).num_rows == 1
    assert "message" in logs
    assert "nope" not in logs
    wrong: dict[str, Any]
    for wrong in ({"level": "zzz"}, {"status_code": "x"}, {"status_code": 10**30}, {"nope": 1}):
        with pytest.raises(lf.ConfigError):
            logs.filter(**wrong)
    for mask in ("x", ["x", "y"], [True]):
        with pytest.raises(lf.ConfigError):
            logs.filter(mask)


def test_widths_and_keys_of_windows() -> None:
    logs = lf.parse(TEXT)
    for every in (timedelta(minutes=5), pd.Timedelta("5m"), np.timedelta64(5, "m")):
        assert lf.aggregate(logs, every=every) == lf.aggregate(logs, every="5m")
    assert lf.aggregate(logs, by=(key for key in ["service"]), threads=None).by == ("service",)
    for by in (None, 5, [5]):
        with pytest.raises(lf.ConfigError):
            lf.aggregate(logs, by=by)  # type: ignore[arg-type]
    for table in (5, [5], logs.to_arrow()):
        with pytest.raises(lf.ConfigError):
            lf.merge(table)  # type: ignore[arg-type]
    assert "<table" in lf.aggregate(logs)._repr_html_()
    assert pa.schema(lf.aggregate(logs)).names == lf.aggregate(logs).column_names


def test_windows_of_detection(traffic: lf.LogBatch) -> None:
    assert (
        lf.detect(traffic, every=timedelta(minutes=5)).num_rows
        == lf.detect(traffic, every="5m").num_rows
    )
    assert lf.detect(traffic, random_state=None).num_rows
    for every in ("x", "0m", None, timedelta(milliseconds=1), "9999999d"):
        with pytest.raises(lf.ConfigError):
            lf.detect(traffic, every=every)  # type: ignore[arg-type]


def test_a_column_that_is_there_twice_is_named() -> None:
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["message", "message"])
    with pytest.raises(lf.ConfigError, match="'message' is there 2 times"):
        lf.LogBatch.from_arrow(table)


def test_classifiers_work_in_searches_and_pipelines(traffic: lf.LogBatch) -> None:
    messages = np.array(traffic["message"].to_pylist()[:600], dtype=object)
    labels = np.array(traffic["category"].cast(pa.string()).to_pylist()[:600])
    search = GridSearchCV(lf.LogClassifier(), {"method": ["complement", "multinomial"]}, cv=2)
    assert search.fit(messages, labels).best_score_ > 0.8
    pipeline = make_pipeline(lf.LogClassifier())
    assert pipeline.fit(messages, labels).score(messages, labels) > 0.9
    flow = make_pipeline(lf.LogFeatureExtractor(), lf.IsolationForest(random_state=0))
    assert set(flow.fit(traffic).predict(traffic)) == {-1, 1}
    assert repr(lf.LogClassifier(alpha=2.0)) == "LogClassifier(alpha=2.0)"
    assert repr(lf.TemplateMiner()) == "TemplateMiner()"
    assert "LogFeatureExtractor" in flow._repr_html_()


def test_parsers_may_be_given_as_classes() -> None:
    class Loud(lf.LogParser):
        def parse(self, raw: str) -> dict[str, object] | None:
            return {"message": raw.upper()}

    lf.register_parser("loud-class", Loud)
    assert lf.parse("hey", "loud-class")["message"].to_pylist() == ["HEY"]
    for name, parser in (("x", int), ("x", 5), (None, Loud)):
        with pytest.raises(lf.ConfigError):
            lf.register_parser(name, parser)  # type: ignore[arg-type]


def test_a_damaged_settings_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from logforest.settings import load_settings

    file = tmp_path / "mine.toml"
    monkeypatch.setenv("LOGFOREST_CONFIG", str(file))
    file.write_text("port = ")
    with pytest.raises(lf.ConfigError, match=r"mine\.toml: Invalid value"):
        load_settings()
