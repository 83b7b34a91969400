"""Windows against the brute-force reference; merging to the last bit."""

from __future__ import annotations

import importlib.util
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from logforest import _core
from logforest.errors import ConfigError
from logforest.windows import BASE_KEYS, WindowTable, aggregate, merge, parse_duration

_spec = importlib.util.spec_from_file_location(
    "windows_reference", Path(__file__).parents[1] / "reference" / "windows_reference.py"
)
assert _spec is not None
assert _spec.loader is not None
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"]
MINUTE = 60_000_000
BASE = 1_762_000_000_000_000


def batch(records: list[dict[str, Any]]) -> _core.LogBatch:
    level = pa.array([LEVELS.index(r["level"]) for r in records], pa.uint8())

    def text(name: str) -> pa.Array:
        return pa.array([r[name] for r in records], pa.string())

    return _core.LogBatch.from_arrow(
        pa.table(
            {
                "timestamp": pa.array(
                    [r["timestamp"] for r in records], pa.timestamp("us", tz="UTC")
                ),
                "level": pa.DictionaryArray.from_arrays(level, LEVELS),
                "service": text("service").dictionary_encode(),
                "message": pa.array([""] * len(records), pa.string()),
                "endpoint": text("endpoint"),
                "status_code": pa.array([r["status_code"] for r in records], pa.int16()),
                "response_time": pa.array([r["response_time"] for r in records], pa.float64()),
                "template_id": pa.array([r["template_id"] for r in records], pa.int64()),
            }
        )
    )


def record(**values: Any) -> dict[str, Any]:
    base = {
        "timestamp": BASE,
        "level": "INFO",
        "service": "web",
        "endpoint": None,
        "status_code": None,
        "response_time": None,
        "template_id": None,
    }
    return base | values


# Late, out-of-order and repeated events, far outliers included.
times = st.one_of(
    st.integers(0, 3 * 3600 * 1_000_000).map(lambda d: BASE + d),
    st.integers(0, 5).map(lambda d: BASE + d * MINUTE),
    st.integers(-(2**60), 2**60),
)
response_times = st.one_of(
    st.none(),
    st.floats(0.001, 100_000),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, -5.0, 1e-300, 1e300]),
)
events = st.lists(
    st.builds(
        record,
        timestamp=times,
        level=st.sampled_from(LEVELS),
        service=st.sampled_from(["web", "db", "", "täglich", None]),
        endpoint=st.sampled_from(["/a", "/b", None]),
        status_code=st.sampled_from([200, 404, 500, 503, None]),
        response_time=response_times,
        template_id=st.sampled_from([0, 7, 2**53 - 1, None]),
    ),
    max_size=40,
).flatmap(lambda rows: st.permutations(rows + rows[: len(rows) // 3]))
keys = st.sampled_from(
    [(), ("service",), ("service", "level"), ("level", "endpoint"), ("template_id", "service")]
)


def rows_of(table: WindowTable) -> dict[tuple[Any, ...], dict[str, Any]]:
    arrow = table.to_arrow()
    start = arrow["window_start"].cast(pa.int64()).to_pylist()
    columns = {name: arrow[name].to_pylist() for name in arrow.column_names[1:-1]}
    return {
        (start[i], *(columns[k][i] for k in table.by)): {n: c[i] for n, c in columns.items()}
        for i in range(arrow.num_rows)
    }


def check(table: WindowTable, expected: dict[tuple[Any, ...], dict[str, Any]]) -> None:
    got = rows_of(table)
    assert got.keys() == expected.keys()
    for key, want in expected.items():
        row = got[key]
        assert row["count"] == want["count"]
        assert row["error_count"] == want["error_count"]
        assert row["error_rate"] == want["error_count"] / want["count"]
        if not want["times"]:
            assert row["response_time_mean"] is row["response_time_p50"] is None
            continue
        assert row["response_time_min"] == want["min"]
        assert row["response_time_max"] == want["max"]
        if "mean" in want:
            assert row["response_time_mean"] == pytest.approx(want["mean"], abs=1e-6)
        if "std" in want:
            assert row["response_time_std"] == pytest.approx(want["std"], abs=1e-5, rel=1e-6)
        for q in ("p50", "p95", "p99"):
            value = want[q]
            if value < 0:  # negative values share the bin of zero
                assert row[f"response_time_{q}"] <= max(0.0, want["min"])
            elif value < 2**44:
                assert row[f"response_time_{q}"] == pytest.approx(value, rel=0.01, abs=1e-6)


@examples(150)
@given(events, keys, st.sampled_from(["1m", "5m", "1h", "1w"]))
def test_equals_brute_force(rows: list[dict[str, Any]], by: tuple[str, ...], every: str) -> None:
    table = aggregate(batch(rows), every=every, by=by)
    check(table, reference.aggregate(rows, parse_duration(every), by))


@examples(60)
@given(events, st.sampled_from([("5m", "1m"), ("10m", "4m"), ("1h", "20m")]))
def test_sliding_equals_brute_force(rows: list[dict[str, Any]], width: tuple[str, str]) -> None:
    every, slide = width
    table = aggregate(batch(rows), every=every, slide=slide, by=["service"])
    expected = reference.aggregate(rows, parse_duration(every), ("service",), parse_duration(slide))
    check(table, expected)


@examples(100)
@given(events, st.integers(0, 40), st.randoms(use_true_random=False), keys)
def test_merge_is_exact(
    rows: list[dict[str, Any]], cut: int, rng: random.Random, by: tuple[str, ...]
) -> None:
    whole = aggregate(batch(rows), every="1m", by=by)
    shuffled = rng.sample(rows, len(rows))
    a, b, c = (
        aggregate(batch(part), every="1m", by=by)
        for part in (shuffled[: cut // 2], shuffled[cut // 2 : cut], shuffled[cut:])
    )
    assert merge(a, b, c) == whole
    assert merge([c, merge(b, a)]) == whole
    assert merge(a, merge(b, c)).to_arrow(state=True).equals(whole.to_arrow(state=True))


@examples(60)
@given(events)
def test_state_survives_a_store(rows: list[dict[str, Any]]) -> None:
    base = aggregate(batch(rows), every="1m", by=BASE_KEYS)
    stored = pa.concat_tables(
        aggregate(batch(part), every="1m", by=BASE_KEYS).partials().cast(_plain(base))
        for part in (rows[::2], rows[1::2])
    )
    back = WindowTable.from_arrow(stored)
    assert back == base
    assert back.rollup(every="5m", by=["service"]) == aggregate(
        batch(rows), every="5m", by=["service"]
    )
    assert back.rollup(every="5m", slide="1m", by=[]) == aggregate(
        batch(rows), every="5m", slide="1m", by=[]
    )


def _plain(table: WindowTable) -> pa.Schema:
    """As a database hands it back: no dictionaries."""
    return pa.schema(
        f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f
        for f in table.partials().schema
    )


def test_threads_do_not_matter() -> None:
    rng = random.Random(3)
    rows = [
        record(
            timestamp=BASE + rng.randrange(3600 * 1_000_000),
            service=rng.choice(["a", "b"]),
            response_time=rng.lognormvariate(3, 2),
        )
        for _ in range(5_000)
    ]
    one = batch(rows)
    assert aggregate(one, threads=1) == aggregate(one, threads=4)


def test_table_speaks_arrow() -> None:
    table = aggregate(batch([record(response_time=3.0, status_code=500)]), every="1m")
    assert table.column_names == [
        "window_start", "service", "level", "count", "error_count", "error_rate",
        "response_time_mean", "response_time_std", "response_time_min", "response_time_max",
        "response_time_p50", "response_time_p95", "response_time_p99", "window_end",
    ]  # fmt: skip
    assert pa.table(table).num_rows == table.num_rows == len(table) == 1
    assert table["error_rate"].to_pylist() == [1.0]
    assert table["response_time_std"].to_pylist() == [None]
    assert table.every == table.slide == timedelta(minutes=1)
    assert table.to_pandas().loc[0, "service"] == "web"
    assert table.to_polars().height == 1
    assert "1 rows" in repr(table)


def test_status_class_and_empty() -> None:
    rows = [record(status_code=s) for s in (101, 200, 204, 301, 404, 599, 999, None)]
    table = aggregate(batch(rows), every="1h", by="status_class")
    got = dict(zip(table["status_class"].to_pylist(), table["count"].to_pylist(), strict=True))
    assert got == {None: 1, "1xx": 1, "2xx": 2, "3xx": 1, "4xx": 1, "5xx": 1, "other": 1}
    empty = aggregate(batch([]))
    assert empty.num_rows == 0
    assert merge(empty, empty) == empty


def test_wrong_arguments_say_what_to_do() -> None:
    logs = batch([record()])
    with pytest.raises(ConfigError, match="there is tenant, service"):
        aggregate(logs, by=["colour"])
    with pytest.raises(ConfigError, match='"5m"'):
        aggregate(logs, every="five")
    with pytest.raises(ConfigError, match="slide"):
        aggregate(logs, every="1m", slide="2m")
    with pytest.raises(ConfigError, match="twice"):
        aggregate(logs, by=["level", "level"])
    with pytest.raises(ConfigError, match="width"):
        merge(aggregate(logs, every="1m"), aggregate(logs, every="2m"))
    with pytest.raises(ConfigError, match="nothing to merge"):
        merge([])
    with pytest.raises(ConfigError, match="multiples"):
        aggregate(logs, every="2m").rollup(every="3m")
    with pytest.raises(ConfigError, match="not grouped by"):
        aggregate(logs, every="2m").rollup(by=["tenant"])
    with pytest.raises(ConfigError, match="LogBatch"):
        aggregate([1, 2])
    with pytest.raises(ConfigError, match="positive"):
        parse_duration("0s")


def test_damaged_state_is_refused() -> None:
    good = aggregate(batch([record(response_time=3.0)]), every="1m", by=[]).partials()
    state = good["state"][0].as_py()
    at = good.schema.get_field_index("state")
    for bad in (state[:-1], state + b"\0", b"\2" + state[1:], b"\1\x05" + state[2:], b"\1" * 9):
        table = good.set_column(at, "state", pa.array([bad], pa.binary()))
        with pytest.raises(ConfigError, match="damaged"):
            WindowTable.from_arrow(table, by=[])
    start = pa.array([BASE + 1], pa.timestamp("us", tz="UTC"))
    with pytest.raises(ConfigError, match="aligned"):
        WindowTable.from_arrow(good.set_column(0, "window_start", start), by=[])
    with pytest.raises(ConfigError, match="no column state"):
        WindowTable.from_arrow(good.drop_columns(["state"]), by=[])
