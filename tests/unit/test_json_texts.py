"""JSON texts at the edges of RFC 8259's grammar, as a line and as a value inside a record."""

from __future__ import annotations

import json
from typing import Any

import pytest

import logforest as lf


def as_value(text: bytes) -> lf.LogBatch:
    line = b'{"msg":"before"}\n{"msg":"here","v":' + text + b'}\n{"msg":"after"}\n'
    logs = lf.parse(line, format="json")
    messages = logs["message"].to_pylist()
    assert (messages[0], messages[-1]) == ("before", "after"), "a neighbour was lost"
    assert logs.num_rows + logs.rejected.num_rows == 3
    return logs


VALID = [
    # Values of every kind, and blanks (section 2: space, tab, line feed, carriage return).
    "null", "true", "false", " \t null \t ", "{}", "[]", "[[]]", "[{}]",
    '{"":{}}', '[null,1,"a",{}]',
    '{"a":{"b":[{"c":[]}]}}', '[ 1 , 2 ]', '{ "a" : 1 , "b" : 2 }', '{"a":1,"a":2}', '{"":0}',
    # Numbers (section 6).
    "0", "-0", "0.0", "-0.0", "1", "-1", "10", "0.5", "1.50", "0e0", "0E+0", "0e-0", "1e5", "1E5",
    "1e+05", "1e-05", "-1.5e-3", "123456789012345678", "1.0000000000000000000000001", "1e007",
    "0.1e1", "20e1", "-12.34E+5",
    # Strings (section 7).
    '""', '" "', '"a"', r'"\""', r'"\\"', r'"\/"', r'"\b\f\n\r\t"', r'"\u0041"', r'"\u00e9\u00C9"',
    r'"\u0000"', r'"\uffff"', r'"\ud83d\ude00"', r'"\uD834\udd1e"', '"é"', '"漢字"', '"😀"',
    '"\u2028\u2029"', '"\ufffe"', '"\u007f"', '"/"', "\"'\"", '"[{]}"', r'"\\u0041"', r'"\\\""',
    '"\u0085"', '"\ue000"', '"\U0010ffff"', r'"a\u0020b"', '"{\\"a\\":1}"',
    '{"\\u0061":1}', '{"é":1}', r'{"a\"b":1}', r'{"\ud83d\ude00":1}', '{"\U0001f600":[]}',
]  # fmt: skip

INVALID = [
    # Nothing, words that are none, other spellings.
    "", " ", "nul", "nulls", "Null", "NULL", "tru", "True", "truefalse", "fals", "FALSE",
    "undefined",
    "None", "NaN", "nan", "Infinity", "-Infinity", "inf", "-nan", "+Infinity", "a", "'a'", "`a`",
    # Numbers.
    "+1", "01", "-01", "00", "-", "--1", "1.", ".5", "-.5", "-1.", "1..2", "1.2.3", "1e", "1e+",
    "1e-",
    "1E", "1ee5", "1e5.5", "1e+-5", "0x1", "0b1", "1_000", "1,000", "1 2", "- 1", "1f", "1L", "0e",
    "0.e1", "1.e1", ".", "e5", "-e5", "٣", "½", "1\u00a0",
    # Strings.
    '"', '"a', 'a"', '"a"b"', r'"\"', r'"\x41"', r'"\u"', r'"\u1"', r'"\u12"', r'"\u123"',
    r'"\u123g"', r'"\U0041"', r'"\a"', r'"\v"', r'"\0"', r'"\'"', r'"\ "', '"\x01"', '"\x1f"',
    '"a\tb"',
    '"\\\t"', r'"\u 041"', r'"\u-041"', r'"\\\"', '"a\\', '"a" "b"', '“a”',
    # Arrays.
    "[", "]", "[1", "1]", "[1,", "[,1]", "[1,]", "[1,,2]", "[,]", "[1 2]", "[1;2]", "[1:2]", "[1]]",
    "[[1]", "[1}", "[a]", "[1,2", "[-]", "[\"a]", "[}", "[,\"a\"]", '["a",\n', "(1,2)", "[1]x",
    # Objects.
    "{", "{]", "{a:1}", "{'a':1}", "{1:2}", "{null:1}", '{"a"}', '{"a":}', '{"a" 1}',
    '{"a":1,}', '{,"a":1}', '{"a":1 "b":2}', '{"a":1,,"b":2}', '{"a"::1}', '{"a":1:2}', '{"a",1}',
    '{"a":1]', '{["a"]:1}', '{"a":1;"b":2}', '{:1}', '{"a"=1}', '{"a":a}', '{"a', '{"a":"b',
    # What is no JSON at all.
    "/*x*/1", "1/*x*/", "//x", "#x", "1//x", "<a>", "@", "*", "\\", "\\u0031", "\ufeff1", "\u00a01",
    "\u20611", "\x0c1", "\x0b1",
]  # fmt: skip

# Section 9 lets an implementation set limits; these follow Python's json given text.
EITHER = [
    "1e400", "-1e400", "1e-400", "123456789012345678901234567890",
    "-123456789012345678901234567890",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "1." + "0" * 400, "0." + "0" * 400 + "1", "1e99999999999", "-0.0e-99999999999", "9" * 400,
    r'"\ud800"', r'"\udc00"', r'"\ud800\ud800"', r'"\udc00\ud800"', r'"\ud83dx"', r'"\ud83d\u0041"',
    r'"\ud83d\n"', r'{"\ud800":1}', "[" * 300 + "]" * 300,
]  # fmt: skip

# Not UTF-8 (RFC 3629): overlong, surrogates, above U+10FFFF, cut, lone continuation bytes.
BYTES = [
    b'"\xc0\x80"', b'"\xc1\xbf"', b'"\xe0\x80\x80"', b'"\xe0\x9f\xbf"', b'"\xf0\x8f\xbf\xbf"',
    b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xff"',
    b'"\xfe"', b'"\x80"', b'"\xc3"', b'"\xe2\x82"', b'"\xf0\x9f\x98"', b'"\xc3(\xc3"', b'["\xe9"]',
    b'{"\xe9":1}', b"\xe9", b"[\xff]", b"1\xff", b"\xef\xbb", b'\xff\xfe"\x00a\x00"\x00',
]  # fmt: skip


@pytest.mark.parametrize("text", VALID)
def test_valid_texts_are_kept(text: str) -> None:
    logs = as_value(text.encode())
    assert logs.num_rows == 3, logs.rejected.to_pylist()
    kept = json.loads(logs["metadata"][1].as_py())["v"]
    expected: Any = json.loads(text)
    assert kept == expected
    assert str(kept) == str(expected)  # -0.0 too
    record = f'{{"msg":"here","v":{text}}}'
    assert lf.parse(record).format == "json"


@pytest.mark.parametrize("text", INVALID)
def test_invalid_texts_are_no_records(text: str) -> None:
    if text not in ("NaN", "Infinity", "-Infinity"):  # Python's own
        with pytest.raises(ValueError, match=r"."):
            json.loads(text)
    raw = text.encode()
    assert lf.parse(raw, format="json").num_rows == 0
    if b"\n" not in raw:
        logs = as_value(raw)
        assert logs.num_rows == 2, logs.to_arrow().to_pylist()
        assert logs.rejected["line"].to_pylist() == [2]
    if b"\n" not in raw and raw not in (b"\x0c1", b"\x0b1"):
        logs = lf.parse(b'{"msg":"a"}\n' * 9 + b'{"msg":"b","v":' + raw + b"}\n" + b'{"msg":"a"}\n')
        assert (logs.num_rows, logs.rejected.num_rows) == (10, 1)


@pytest.mark.parametrize("text", EITHER, ids=lambda text: text[:20])
def test_limits_are_pythons(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        assert as_value(text.encode()).num_rows == 2
        return
    logs = as_value(text.encode())
    assert logs.num_rows == 3
    kept = json.loads(logs["metadata"][1].as_py())["v"]
    if "\\u" not in text:  # half of a pair has no UTF-8
        assert kept == value


@pytest.mark.parametrize("raw", BYTES)
def test_bytes_that_are_not_utf8_are_refused(raw: bytes) -> None:
    logs = as_value(raw)
    assert logs.num_rows == 2
    assert lf.parse(raw, format="json").num_rows == 0


def test_objects_in_a_line_are_records_and_other_values_are_not() -> None:
    for text in ("1", '"a"', "null", "true", "[1]", "[[{}]]", "-0", '""'):
        logs = lf.parse(text, format="json")
        assert (logs.num_rows, logs.rejected.num_rows) == (0, 1), text
    assert lf.parse('{"msg":"a"} {"msg":"b"}', format="json").num_rows == 2
    assert lf.parse('[{"msg":"a"},{"msg":"b"}]', format="json").num_rows == 2
