"""Syslog messages at the edges of the grammar: verdicts and fields read out of the RFCs' text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.reference import syslog_reference

import logforest as lf

RECEIVED = datetime(2025, 11, 23, tzinfo=UTC)


def read(message: bytes, name: str) -> tuple[dict[str, Any] | None, int]:
    """The one record of an octet-counted message, or None; and how many lines were rejected."""
    logs = lf.parse(b"%d %s" % (len(message), message), format=name, received=RECEIVED)
    found = logs.to_arrow().to_pylist()
    assert len(found) + logs.rejected.num_rows == 1, (found, logs.rejected.to_pylist())
    if not found:
        return None, 1
    return found[0] | json.loads(found[0]["metadata"] or "{}"), 0


STAMP = "2025-11-22T10:00:01Z"
# RFC 5424 section 6: HEADER = PRI VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID.
VALID_5424: dict[str, dict[str, Any]] = {
    # The least there can be; MSG is optional, and so is what follows its blank.
    "<0>1 - - - - - -": {"level": "CRITICAL", "facility": 0, "severity": 0, "message": ""},
    "<191>1 - - - - - - ": {"level": "DEBUG", "facility": 23, "severity": 7, "message": ""},
    "<7>999 - - - - - - x": {"version": 999, "message": "x"},
    "<7>1 - - - - - -  x": {"message": " x"},  # SP MSG: only the first blank parts them
    # Lengths: HOSTNAME 255, APP-NAME 48, PROCID 128, MSGID 32.
    f"<7>1 - {'h' * 255} - - - - x": {"source": "h" * 255},
    f"<7>1 - - {'a' * 48} - - - x": {"service": "a" * 48},
    f"<7>1 - - - {'p' * 128} - - x": {"procid": "p" * 128},
    f"<7>1 - - - - {'m' * 32} - x": {"msgid": "m" * 32},
    # PRINTUSASCII is %d33-126: no field but structured data has a grammar of its own.
    '<7>1 - [h] "a" <p> =m\\ - x': {
        "source": "[h]",
        "service": '"a"',
        "procid": "<p>",
        "msgid": "=m\\",
    },
    "<7>1 - -- -- -- -- - x": {"source": "--", "service": "--", "procid": "--", "msgid": "--"},
    # TIMESTAMP: TIME-SECFRAC has 1 to 6 digits; the offset is "Z" or hours and minutes.
    f"<7>1 {STAMP} - - - - -": {"timestamp": datetime(2025, 11, 22, 10, 0, 1, tzinfo=UTC)},
    "<7>1 2025-11-22T10:00:01.5Z - - - - -": {
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, 500000, tzinfo=UTC)
    },
    "<7>1 2025-11-22T10:00:01.000003-07:00 - - - - -": {
        "timestamp": datetime(2025, 11, 22, 17, 0, 1, 3, tzinfo=UTC)
    },
    "<7>1 2025-11-22T23:59:59.999999+23:59 - - - - -": {
        "timestamp": datetime(2025, 11, 22, 0, 0, 59, 999999, tzinfo=UTC)
    },
    "<7>1 2024-02-29T00:00:00-00:00 - - - - -": {"timestamp": datetime(2024, 2, 29, tzinfo=UTC)},
    # STRUCTURED-DATA: SD-NAME 1 to 32, elements without parameters, several elements side by side.
    "<7>1 - - - - - [a]": {"a": {}, "message": ""},
    "<7>1 - - - - - [a][b][c] x": {"a": {}, "b": {}, "c": {}, "message": "x"},
    f'<7>1 - - - - - [{"i" * 32} {"n" * 32}="v"] x': {"i" * 32: {"n" * 32: "v"}},
    '<7>1 - - - - - [a@32473 b=""] x': {"a@32473": {"b": ""}},
    # A name may come several times in one element (section 6.3.3 of the RFC).
    '<7>1 - - - - - [a ip="192.0.2.1" ip="192.0.2.129"] x': {
        "a": {"ip": ["192.0.2.1", "192.0.2.129"]}
    },
    # Inside PARAM-VALUE '"', '\' and ']' are escaped; any other character stands for itself.
    r'<7>1 - - - - - [a b="\"\\\]"] x': {"a": {"b": '"\\]'}},
    '<7>1 - - - - - [a b="[ = ü \t "] x': {"a": {"b": "[ = ü \t "}},
    '<7>1 - - - - - [a b="c"][d e="f"] [g h="i"] x': {"message": '[g h="i"] x'},
    # '\' and '[' may be in names.
    '<7>1 - - - - - [a\\b [c="d"] x': {"a\\b": {"[c": "d"}},
    # MSG: UTF-8 behind a byte order mark, or octets; line ends do not end a counted frame.
    "<7>1 - - - - - - \ufeffgrün": {"message": "grün"},
    "<7>1 - - - - - - \ufeff": {"message": ""},
    "<7>1 - - - - - - one\ntwo": {"message": "one\ntwo"},
    "<7>1 - - - - - - -": {"message": "-"},
    "<7>1 - - - - - - [a]": {"message": "[a]"},
}
INVALID_5424 = [
    "",
    " ",
    "<",
    "<>1 - - - - - -",
    "<-1>1 - - - - - -",
    "<192>1 - - - - - -",
    "<1000>1 - - - - - -",
    "<00>1 - - - - - -",
    "<07>1 - - - - - -",
    "<1 >1 - - - - - -",
    "<1a>1 - - - - - -",
    "1 - - - - - -",
    "<1",
    "<1>",
    "<1>0 - - - - - -",
    "<1>01 - - - - - -",
    "<1>1000 - - - - - -",
    "<1>1",
    "<1>1 ",
    "<1>1 -",
    "<1>1 - - - - -",
    "<1>1 - - - - - ",
    "<1>1  - - - - - -",
    "<1>1 - -  - - - -",
    "<1>1\t- - - - - -",
    f"<7>1 - {'h' * 256} - - - - x",
    f"<7>1 - - {'a' * 49} - - - x",
    f"<7>1 - - - {'p' * 129} - - x",
    f"<7>1 - - - - {'m' * 33} - x",
    "<7>1 - hüt - - - - x",
    "<7>1 - h\x7f - - - - x",
    # Times.
    "<7>1 2025-11-22 - - - - -",
    "<7>1 2025-11-22T10:00Z - - - - -",
    "<7>1 2025-11-22T10:00:01 - - - - -",
    "<7>1 2025-11-22t10:00:01Z - - - - -",
    "<7>1 2025-11-22T10:00:01z - - - - -",
    "<7>1 2025-11-22 10:00:01Z - - - - -",
    "<7>1 2025-11-22T10:00:01.Z - - - - -",
    "<7>1 2025-11-22T10:00:01,5Z - - - - -",
    "<7>1 2025-11-22T10:00:01.1234567Z - - - - -",
    "<7>1 2025-11-22T10:00:01+0100 - - - - -",
    "<7>1 2025-11-22T10:00:01+1:00 - - - - -",
    "<7>1 2025-11-22T10:00:01+24:00 - - - - -",
    "<7>1 2025-11-22T10:00:01+01:60 - - - - -",
    "<7>1 2025-11-22T24:00:00Z - - - - -",
    "<7>1 2025-11-22T10:60:00Z - - - - -",
    "<7>1 2016-12-31T23:59:60Z - - - - -",  # "leap seconds MUST NOT be used"
    "<7>1 2025-13-01T10:00:01Z - - - - -",
    "<7>1 2025-00-01T10:00:01Z - - - - -",
    "<7>1 2025-11-31T10:00:01Z - - - - -",
    "<7>1 2025-02-29T10:00:01Z - - - - -",
    "<7>1 25-11-22T10:00:01Z - - - - -",
    "<7>1 2025-1-22T10:00:01Z - - - - -",
    "<7>1 1763805601 - - - - -",
    # Structured data.
    "<7>1 - - - - - x",
    "<7>1 - - - - - -x",
    "<7>1 - - - - - []",
    "<7>1 - - - - - [",
    "<7>1 - - - - - [a",
    "<7>1 - - - - - [a]x",
    "<7>1 - - - - - [ a]",
    "<7>1 - - - - - [a ]",
    '<7>1 - - - - - [a b="c" ]',
    '<7>1 - - - - - [a  b="c"]',
    '<7>1 - - - - - [a b="c"d="e"]',
    "<7>1 - - - - - [a b]",
    "<7>1 - - - - - [a b=]",
    "<7>1 - - - - - [a b=c]",
    "<7>1 - - - - - [a b='c']",
    '<7>1 - - - - - [a ="c"]',
    '<7>1 - - - - - [a b ="c"]',
    '<7>1 - - - - - [a b= "c"]',
    '<7>1 - - - - - [a b="c]',
    '<7>1 - - - - - [a b="c"',
    '<7>1 - - - - - [a b="]"]',
    '<7>1 - - - - - [a b="""]',
    '<7>1 - - - - - [a b="\\"]',
    '<7>1 - - - - - [a"b]',
    "<7>1 - - - - - [a=b]",
    '<7>1 - - - - - [a ü="c"]',
    "<7>1 - - - - - [ä]",
    f"<7>1 - - - - - [{'i' * 33}]",
    f'<7>1 - - - - - [a {"n" * 33}="v"]',
    "<7>1 - - - - - [a][a]",  # "the same SD-ID MUST NOT exist more than once"
    '<7>1 - - - - - [a b="c"][d][a b="c"] x',
]


@pytest.mark.parametrize("message", VALID_5424)
def test_valid_messages(message: str) -> None:
    row, _ = read(message.encode(), "rfc5424")
    assert row is not None
    expected = VALID_5424[message]
    assert {name: row.get(name) for name in expected} == expected
    assert syslog_reference.rfc5424_record(message) is not None


@pytest.mark.parametrize("message", INVALID_5424)
def test_invalid_messages(message: str) -> None:
    if message.strip():
        assert read(message.encode(), "rfc5424") == (None, 1)
    assert syslog_reference.rfc5424_record(message) is None


def test_marked_messages_must_be_utf8() -> None:
    """BOM UTF-8 or any octets: what is marked as UTF-8 and is not is no message."""
    assert read(b"<7>1 - - - - - - \xef\xbb\xbfgr\xfcn", "rfc5424") == (None, 1)
    row, _ = read(b"<7>1 - - - - - - gr\xfcn", "rfc5424")
    assert row is not None
    assert row["message"] == "gr\ufffdn"


# RFC 3164 sections 4 and 5: what a receiver makes of messages with all, some or none of the parts.
BSD: dict[str, dict[str, Any]] = {
    "<34>Oct 11 22:14:15 mymachine su: 'su root' failed": {
        "timestamp": datetime(2025, 10, 11, 22, 14, 15, tzinfo=UTC),
        "level": "CRITICAL",
        "source": "mymachine",
        "service": "su",
        "message": "'su root' failed",
    },
    "<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% do-nuts": {
        "timestamp": datetime(1987, 8, 24, 11, 34, tzinfo=UTC),
        "source": "mymachine",
        "service": "myproc",
        "pid": 10,
        "message": "%% do-nuts",
    },
    "<189>45: *Nov 22 10:00:01.483 EST: %SYS-5-CONFIG_I: Configured": {
        "timestamp": datetime(2025, 11, 22, 15, 0, 1, 483000, tzinfo=UTC),
        "message": "Configured",
    },
    "<13>Nov 22 10:00:01 EST su: x": {  # "EST" without a mark is a host
        "timestamp": datetime(2025, 11, 22, 10, 0, 1, tzinfo=UTC),
        "source": "EST",
    },
    "<13>Nov  2 10:00:01 10.0.0.99 Use the BFG!": {
        "source": "10.0.0.99",
        "message": "Use the BFG!",
    },
    "<13>Nov  2 10:00:01 fe80::1 su[7]: x": {"source": "fe80::1", "service": "su", "pid": 7},
    "<13>Use the BFG!": {"timestamp": RECEIVED, "message": "Use the BFG!"},
    "<13>Feb 30 10:00:01 h su: x": {"timestamp": RECEIVED},
    "<13>Nov 22 24:00:01 h su: x": {"timestamp": RECEIVED},
    "<13>Feb 29 10:00:01 h su: x": {"timestamp": datetime(2024, 2, 29, 10, 0, 1, tzinfo=UTC)},
    "<13>Dec 31 23:59:59 h su: x": {"timestamp": datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC)},
    "<13>2025-11-22T10:00:01.5+01:00 h su: x": {
        "timestamp": datetime(2025, 11, 22, 9, 0, 1, 500000, tzinfo=UTC),
        "source": "h",
    },
    f"<13>Nov 22 10:00:01 h {'t' * 32}: x": {"service": "t" * 32, "message": "x"},
    "<13>Nov 22 10:00:01 h a:b": {"service": "a", "message": "b"},
    "<13>Nov 22 10:00:01 h a[b-1]: c": {"service": "a", "pid": "b-1", "message": "c"},
    "<13>Nov 22 10:00:01 h a[]: c": {"service": "a", "message": "c"},
}


@pytest.mark.parametrize("message", BSD)
def test_bsd_messages(message: str) -> None:
    row, _ = read(message.encode(), "rfc3164")
    assert row is not None
    expected = BSD[message]
    assert {name: row.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "message", ["<192>Nov 22 10:00:01 h a: b", "<>Nov 22 10:00:01 h a: b", "<013>x", "<13", "<13>"]
)
def test_bsd_priorities_that_are_none(message: str) -> None:
    assert read(message.encode(), "rfc3164") == (None, 1)


ONE, TWO = b"<7>1 - - - - - - one", b"<7>1 - - - - - - two\nlines"


@pytest.mark.parametrize(
    ("data", "messages", "rejected"),
    [
        # RFC 6587: MSG-LEN SP SYSLOG-MSG, or line by line; decided frame by frame.
        (b"%d %s%d %s" % (len(ONE), ONE, len(TWO), TWO), ["one", "two\nlines"], 0),
        (b"%d %s\n%d %s\n" % (len(ONE), ONE, len(ONE), ONE), ["one", "one"], 0),
        (ONE + b"\n" + ONE + b"\n", ["one", "one"], 0),
        (ONE + b"\r\n" + ONE, ["one", "one"], 0),
        (b"%s\n%d %s" % (ONE, len(TWO), TWO), ["one", "two\nlines"], 0),
        # A count with a leading zero, or none at all, is no count.
        (b"0%d %s\n" % (len(ONE), ONE) + ONE + b"\n", ["one"], 1),
        (b"0 %s\n" % ONE + ONE + b"\n", ["one"], 1),
        # A count that is too large costs its own frame only as far as the data goes.
        (b"%d %s\n" % (len(ONE) + 900, ONE), [], 1),
    ],
)
def test_frames(data: bytes, messages: list[str], rejected: int) -> None:
    logs = lf.parse(data, format="rfc5424", received=RECEIVED)
    found = logs["message"].to_pylist()
    assert (found, logs.rejected.num_rows) == (messages, rejected), logs.rejected.to_pylist()
