"""AWS VPC flow logs, whole and damaged, against the plain reference."""

from __future__ import annotations

import datetime as dt
import json

from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reference.flow_reference import VERSION_2, flow_record

import logforest as lf

NOW = dt.datetime(2026, 3, 5, 12, 0, 0, tzinfo=dt.UTC)
_OTHERS = ["vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "region",
           "flow-direction", "traffic-path"]  # fmt: skip

numbers = st.one_of(
    st.integers(0, 70_000), st.integers(10**17, 10**20), st.sampled_from(["007", "1x", "1.5"])
).map(str)
addresses = st.one_of(
    st.ip_addresses(v=4).map(str), st.sampled_from(["2001:db8::7", "::1", "host", "10.0.0"])
)
starts = st.one_of(
    st.integers(0, 10**11 - 1), st.integers(1_600_000_000, 1_800_000_000),
    st.sampled_from(["noon", "1714557601.5", "171455760100"]),
).map(str)  # fmt: skip
words = st.text("abé-_:/=\"'{}", min_size=1, max_size=8)
KINDS = {
    "version": st.sampled_from(["2", "2", "5", "10", "123", "v2"]),
    "start": starts,
    "srcaddr": addresses,
    "dstaddr": addresses,
    "action": st.sampled_from(["ACCEPT", "REJECT", "accept"]),
    "log-status": st.sampled_from(["OK", "NODATA", "SKIPDATA"]),
}
for _name in ("srcport", "dstport", "protocol", "packets", "bytes", "end", "tcp-flags"):
    KINDS[_name] = numbers


def values_of(names: list[str]) -> st.SearchStrategy[list[str]]:
    """A value for each column, some of them missing."""
    return st.tuples(
        *(st.one_of(KINDS.get(name, words), KINDS.get(name, words), st.just("-")) for name in names)
    ).map(list)


def agree(line: str, names: list[str] | None) -> None:
    head = " ".join(names) + "\n" if names else ""
    wanted = flow_record(line, names)
    logs = lf.parse(head + line + "\n", format="aws_vpc_flow", received=NOW.timestamp())
    if isinstance(wanted, str):
        assert logs.rejected["reason"].to_pylist() == [wanted], line
        assert logs.num_rows == 0
        return
    (row,) = logs.to_arrow().to_pylist()
    row["metadata"] = json.loads(row["metadata"] or "{}")
    assert {name: row[name] for name in wanted} == wanted, line
    if "timestamp" not in wanted:
        assert row["timestamp"] == NOW


rows = values_of(VERSION_2)


@examples(300)
@given(rows, st.integers(-2, 2), st.booleans())
def test_version_2(values: list[str], more: int, blank: bool) -> None:
    changed = values[:more] if more < 0 else values + ["x"] * (more // 2)
    agree(" ".join(changed) + " " * blank, None)


@examples(300)
@given(st.data())
def test_named_columns(data: st.DataObject) -> None:
    rest = data.draw(st.lists(st.sampled_from([*VERSION_2[1:], *_OTHERS]), max_size=9, unique=True))
    names = ["version", "start", *(name for name in rest if name != "start")]
    values = data.draw(values_of(names))
    if data.draw(st.integers(0, 3)) == 0:
        values = values[: data.draw(st.integers(1, len(values)))]
    agree(" ".join(values), names)


def test_by_hand() -> None:
    flow = "2 123456789012 eni-1 10.0.1.7 192.0.2.4 443 512 6 12 614 1714557601 1714557660 ACCEPT"
    for line in (f"{flow} OK", f"{flow} -", flow, f"{flow} OK more", f"{flow} OK ", f"{flow}  OK"):
        agree(line, None)
        agree(line, VERSION_2)
    agree("5 -", ["version", "start"])
    assert isinstance(flow_record(f"{flow} OK", None), dict)
    assert flow_record(flow, None) == "truncated"
    assert flow_record(f"{flow} OK more", None) == "no_match"
