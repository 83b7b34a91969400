"""klog and Log4j/Logback lines, whole and damaged, against the plain references."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reference.app_reference import LAYOUTS, klog_record, layout_record

import logforest as lf

NOW = dt.datetime(2026, 3, 5, 12, 0, 0, tzinfo=dt.UTC)

words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), max_size=20
)  # fmt: skip


def parsed(line: str, format: str) -> dict[str, Any] | None:
    logs = lf.parse(line, format=format, received=NOW.timestamp())
    if logs.num_rows == 0:
        assert logs.counts["rejected"] + logs.counts["blank"] + (line == "") == 1
        return None
    (row,) = logs.to_arrow().to_pylist()
    return row | {"metadata": json.loads(row["metadata"] or "{}")}


def agree(line: str, format: str, wanted: dict[str, Any] | None) -> None:
    got = parsed(line, format)
    if wanted is None or got is None:
        assert got == wanted, line
        return
    assert {name: got[name] for name in wanted} == wanted, line


klog_lines = st.builds(
    "{}{}{:02}{:02} {:02}:{:02}:{:02}{} {:>7} {}] {}".format,
    st.sampled_from("IWEFDX"), st.sampled_from(["", "", "2024", "2026", "0000", "9999", "123"]),
    st.integers(0, 13), st.integers(0, 32), st.integers(0, 24), st.integers(0, 60),
    st.integers(0, 61), st.sampled_from(["", ".1", ".123456", ".123456789", ".", ".12x"]),
    st.one_of(st.integers(0, 10**7), st.sampled_from(["x", 10**18, 10**17])),
    st.sampled_from(["a.go:1", "x/y.go:1234", "a.go", "a.go:", ":1", "a b:2"]), words,
)  # fmt: skip


def cut(lines: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Mostly whole lines, some of them cut short."""
    shorter = lines.flatmap(lambda line: st.integers(0, len(line)).map(lambda n: line[:n]))
    return st.one_of(lines, lines, lines, shorter)


@examples(300)
@given(cut(klog_lines))
def test_klog(line: str) -> None:
    agree(line, "klog", klog_record(line, NOW))


def test_klog_by_hand() -> None:
    for line in (
        "E0305 11:59:59.000001       1 a.go:1] at once",
        "I0312 12:00:00.000000 1 a.go:1] a week ahead",
        "I0313 12:00:00.000000 1 a.go:1] last year's",
        "W0229 10:00:00.000000 1 a.go:1] of a leap year",
        "F20240229 10:00:00.5 1 a.go:1] glog",
        "F20230229 10:00:00.5 1 a.go:1] no such day",
        "I0305 23:59:60.000000 1 a.go:1] leap second",
        "I0230 10:00:00.000000 1 a.go:1] never",
    ):
        agree(line, "klog", klog_record(line, NOW))
    assert klog_record("F20240229 10:00:00.5 1 a.go:1] glog", NOW) is not None
    assert klog_record("F20230229 10:00:00.5 1 a.go:1] no such day", NOW) is None


times = st.builds(
    "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}".format,
    st.sampled_from([1970, 1999, 2024, 2026, 9999]), st.integers(1, 12), st.integers(1, 31),
    st.sampled_from(" T"), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59),
    st.sampled_from(["", ",123", ".000", ",999"]),
)  # fmt: skip
levels = st.sampled_from(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "SEVERE"])
threads = st.sampled_from(["main", "http-nio-8080-exec-1", "pool-2-thread-11", "Thread-0", "a b"])
loggers = st.sampled_from(["com.shop.Cart", "o.s.b.web.Tomcat$Starter", "org.x.Y_1", "c.s.PayJob"])
messages = words.map(lambda text: f"took {text}")
ARGUMENTS = {
    "%d [%t] %-5p %c - %m": "{stamp} [{thread}] {level:<5} {logger} - {message}",
    "%d %-5p [%t] %c - %m": "{stamp} {level:<5} [{thread}] {logger} - {message}",
    "%d %p [%t] %c: %m": "{stamp} {level} [{thread}] {logger}: {message}",
    "%d %-5p %c:%L - %m": "{stamp} {level:<5} {file}:{number} - {message}",
    "spring": "{stamp}  {level:>5} {number} --- [{thread:>15}] {logger:<40} : {message}",
}
log4j_lines = st.sampled_from(list(LAYOUTS)).flatmap(
    lambda layout: st.builds(
        ARGUMENTS[layout].format,
        stamp=times, thread=threads, level=levels, logger=loggers, message=messages,
        file=st.sampled_from(["Cart.java", "PayJob.kt"]), number=st.integers(1, 99999),
    ).map(lambda line: (layout, line))
)  # fmt: skip


@examples(300)
@given(log4j_lines)
def test_log4j_and_logback(case: tuple[str, str]) -> None:
    layout, line = case
    wanted = layout_record(layout, line)
    if wanted is None:  # 31 June
        assert parsed(line, "applog") is None
        return
    agree(line, "applog", wanted)
