"""Fortinet's lines, whole and damaged, against the plain reference."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reference.fortigate_reference import fortigate_record

import logforest as lf

NOW = dt.datetime(2026, 3, 5, 12, 0, 0, tzinfo=dt.UTC)


def agree(line: str) -> None:
    wanted = fortigate_record(line)
    logs = lf.parse(line, format="fortigate", received=NOW)
    found: list[dict[str, Any]] = logs.to_arrow().to_pylist()
    if wanted is None:
        assert found == [], line
        return
    assert len(found) == 1, (line, logs.rejected.to_pylist())
    got = found[0] | {"metadata": json.loads(found[0]["metadata"] or "{}")}
    assert {name: got[name] for name in wanted} == wanted, line


TRAFFIC = (
    'date=2025-11-22 time=10:00:01 devname="fw-7" devid="FG100" eventtime=1763805601123456789 '
    'tz="+0100" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" '
    'srcip=192.0.2.7 srcport=5000 dstip=198.51.100.9 action="deny" policyid=0'
)


@pytest.mark.parametrize(
    "line",
    [
        TRAFFIC,
        f"<189>{TRAFFIC}",
        f"<192>{TRAFFIC}",
        TRAFFIC.replace("eventtime=1763805601123456789 ", ""),
        TRAFFIC.replace("1763805601123456789", "1763805601"),
        TRAFFIC.replace("1763805601123456789", "12"),
        TRAFFIC.replace("10:00:01", "25:00:01").replace("1763805601123456789", "12"),
        TRAFFIC.replace("192.0.2.7", "2001:db8::7"),
        TRAFFIC.replace("192.0.2.7", "N/A"),
        TRAFFIC + ' msg="he said \\"no\\" to C:\\\\temp" user="bob"',
        TRAFFIC + ' msg="cut',
        TRAFFIC + ' msg="a"b',
        TRAFFIC + " alone",
        TRAFFIC + ' url="/cart?a=b c" httpmethod="GET" httpcode=403 msg=""',
        'date="2025-11-22" time="10:00:01" device_id=FE-1 type=event logdesc="Login failed"',
        "time=10:00:01 date=2025-11-22",
        "date=2025-11-22",
    ],
)
def test_lines(line: str) -> None:
    agree(line)


plain = st.text("abcXYZ019.:/-_+ü", min_size=1, max_size=8)
quoted = st.text(st.sampled_from("ab =ü'[]/."), max_size=10).map(lambda text: f'"{text}"')
escaped = st.lists(st.sampled_from(["a", " ", '\\"', "\\\\", "\\n"]), max_size=6).map(
    lambda parts: '"' + "".join(parts) + '"'
)
addresses = st.sampled_from(["192.0.2.7", "2001:db8::7", "::1", "300.1.1.1", "N/A", "fe80"])
values: dict[str, st.SearchStrategy[str]] = {
    "eventtime": st.one_of(
        st.integers(1_500_000_000, 1_999_999_999).map(str),
        st.integers(1_500_000_000 * 10**9, 1_999_999_999 * 10**9).map(str),
        st.sampled_from(["12", "x", ""]),
    ),
    "tz": st.sampled_from(['"+0100"', '"-0730"', "+0000", '""']),
    "level": st.sampled_from(["notice", '"error"', "alert", '"warning"', "information", "debug"]),
    "devname": plain, "devid": plain, "type": quoted, "subtype": plain, "action": plain,
    "srcip": addresses, "remip": addresses, "user": quoted, "msg": st.one_of(quoted, escaped),
    "logdesc": quoted, "httpmethod": st.sampled_from(["GET", '"POST"']),
    "httpcode": st.integers(100, 599).map(str), "policyid": plain, "crscore": quoted,
}  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> str:
    keys = draw(st.lists(st.sampled_from(sorted(values)), unique=True, max_size=12))
    parts = [f"{key}={draw(values[key])}" for key in keys]
    day, hour = draw(st.integers(0, 32)), draw(st.integers(0, 25))
    quote = draw(st.sampled_from(["", '"']))
    head = (
        f"date={quote}2025-11-{day:02}{quote} time={quote}{hour:02}:05:09{quote}"
        if draw(st.integers(0, 9))
        else "date=2025-11-22"
    )
    line = draw(st.sampled_from(["", "", "<0>", "<189>", "<191>", "<192>"])) + " ".join(
        [head, *parts]
    )
    cut = draw(st.integers(0, 3)) == 0
    return line[: draw(st.integers(0, len(line)))] if cut else line


@examples(400)
@given(lines())
def test_any_lines(line: str) -> None:
    agree(line)
