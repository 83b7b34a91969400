"""What a user typed becomes conditions and parameters, never SQL text."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from logforest import ConfigError
from logforest.stores.base import LogQuery
from logforest.stores.filters import (
    decode_cursor,
    encode_cursor,
    log_conditions,
    search_terms,
)
from logforest.values import instant


def conditions(query: LogQuery, *, paging: bool = True) -> tuple[str, list[object]]:
    made = log_conditions(
        query, text_match=lambda c, term: f"has({c.parameter(term)})", paging=paging
    )
    return made.where, made.parameters


def test_no_filter_is_no_condition() -> None:
    assert conditions(LogQuery()) == ("", [])


def test_every_filter_is_a_parameter() -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    where, parameters = conditions(
        LogQuery(
            q="'; DROP TABLE logs --",
            level=["warning", "ERROR"],
            service=["a' OR 1=1"],
            status_min=500,
            since=since,
        )
    )
    assert where == (
        "WHERE level IN ($1, $2) AND service IN ($3) AND status_code >= $4 AND timestamp >= $5"
        " AND has($6) AND has($7) AND has($8) AND has($9) AND has($10)"
    )
    assert parameters == [
        "WARN",
        "ERROR",
        "a' OR 1=1",
        500,
        since,
        "';",
        "drop",
        "table",
        "logs",
        "--",
    ]


def test_quotes_keep_a_phrase_together() -> None:
    assert search_terms('time out "connection reset"') == ["time", "out", "connection reset"]
    assert search_terms('an open "quote') == ['an open "quote']


@pytest.mark.parametrize(("field", "value"), [("level", "LOUD"), ("category", "Sports")])
def test_unknown_names_are_refused(field: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{field}: '{value}' is none of"):
        conditions(LogQuery(**{field: [value]}))


def test_cursor_round_trip_and_rubbish() -> None:
    assert decode_cursor(encode_cursor(-5, 1 << 52)) == (-5, 1 << 52)
    for bad in ["", "x", "!!!", "W10", "WzFd", "bnVsbA", encode_cursor(1, 2)[:-3]]:
        with pytest.raises(ConfigError, match="cursor"):
            decode_cursor(bad)
    with pytest.raises(ConfigError, match="out of range"):
        conditions(LogQuery(cursor=encode_cursor(1 << 62, 1)))


def test_counting_ignores_the_page() -> None:
    query = LogQuery(service=["a"], cursor=encode_cursor(1, 1))
    assert conditions(query, paging=False) == ("WHERE service IN ($1)", ["a"])
    assert conditions(query)[0].count("timestamp") == 2


def test_one_name_and_iso_times_do() -> None:
    query = LogQuery(level="ERROR", service="shop", since="2026-03-01T10:00:00Z")  # type: ignore[arg-type]
    assert (query.level, query.service) == (("ERROR",), ("shop",))
    assert query.since == datetime(2026, 3, 1, 10, tzinfo=UTC)
    with pytest.raises(ConfigError, match="until: 'yesterday' is no time"):
        LogQuery(until="yesterday")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 3, 1, 10, tzinfo=UTC),
        datetime(2026, 3, 1, 11, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 3, 1, 10),  # no zone: UTC, as everywhere
        pd.Timestamp("2026-03-01T10:00Z"),
        pd.Timestamp("2026-03-01T10:00:00.000000999"),
        np.datetime64("2026-03-01T10:00"),
        pa.scalar(datetime(2026, 3, 1, 10, tzinfo=UTC)),
        "2026-03-01T10:00:00+00:00",
        "2026-03-01 10:00",
        1772359200,
        1772359200.0,
        1772359200_000,
        1772359200_000_000,
        1772359200_000_000_000,
        "1772359200",
        "1772359200000000",
    ],
)
def test_a_moment_has_many_spellings(value: object) -> None:
    assert instant("since", value) == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert type(instant("since", value)) is datetime


@pytest.mark.parametrize(
    "value",
    [b"2026", math.nan, math.inf, 1e300, True, pd.NaT, np.datetime64("NaT"), timedelta(1), [], "x"],
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"since: .* is no time"):
        instant("since", value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": -1}, {"limit": "5"}, {"limit": 1.5}, {"limit": 2**64}, {"offset": -1},
        {"status_min": "500"}, {"status_max": 1.5}, {"template": "x"}, {"template": 2**64},
        {"level": 5}, {"service": [1]}, {"q": 5}, {"tenant": 5}, {"cursor": 5},
    ],
)  # fmt: skip
def test_wrong_values_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))}: "):
        LogQuery(**wrong)  # type: ignore[arg-type]


def test_numbers_of_other_types_do() -> None:
    query = LogQuery(limit=np.int64(5), template=np.int64(-7), status_min=10**30 % 10**6)  # type: ignore[arg-type]
    assert (query.limit, query.template, query.status_min) == (5, -7, 0)
    assert LogQuery(status_max=100_000).status_max == 2**15 - 1
    assert LogQuery(q="a\ud800b").q == "a?b"
