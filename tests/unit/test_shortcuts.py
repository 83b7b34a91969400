"""Formats are asked about a line only when it may be theirs: the result is as if all were asked."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.paths import SHARED

import logforest as lf
from logforest import _core, parsing
from logforest.formats import read_specs

RECEIVED = 1_748_736_000.0
FORMATS = Path(lf.__file__).parent / "formats"
HEADS = {
    "access": b'10.0.0.1 - - [17/May/2025:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"\n',
    "rfc5424": b"<34>1 2025-05-17T10:05:03.1Z host app 7 ID1 - up\n",
    "rfc3164": b"<34>May 17 10:05:03 host sshd[7]: up\n",
    "logfmt": b'ts=2025-05-17T10:05:03Z level=info msg="it is up"\n',
    "json": b'{"ts":"2025-05-17T10:05:03Z","msg":"up"}\n',
    "applog": b"2025-05-17 10:05:03,001 INFO [main] a.b.C: up\n",
    "haproxy": b"May 17 10:05:03 lb haproxy[7]: 10.0.0.1:80 [17/May/2025:10:05:03.0] a b/c 0/0/0 "
    b'200 5 - - ---- 1/1/1 0/0 "GET / HTTP/1.1"\n',
    "plain": b"nothing that anybody knows\n",
}


def _read(data: bytes, *, ask_all: bool, pattern: str | None = None) -> tuple[Any, ...]:
    options = parsing._options("auto", pattern, received=RECEIVED, threads=1)
    options.ask_all = ask_all
    logs = lf.LogBatch._from_core(_core.parse_bytes(data, options, _core.EnrichOptions()))
    return logs.format, logs.counts, logs.to_arrow().to_pydict(), logs.rejected.to_pydict()


def _same(data: bytes, pattern: str | None = None) -> None:
    assert _read(data, ask_all=False, pattern=pattern) == _read(data, ask_all=True, pattern=pattern)


def _samples() -> Iterator[bytes]:
    for file in sorted(FORMATS.glob("*.yaml")):
        for spec in read_specs(file):
            for sample in spec.samples:
                yield str(sample["line"]).encode()
    for head in HEADS.values():
        yield head.rstrip()


def _damaged(line: bytes, rng: random.Random) -> Iterator[bytes]:
    """The line, and what may become of it."""
    yield line
    at = rng.randrange(len(line) + 1)
    other = bytes([rng.choice(b" \t:[]<>-.,/|=\"'{}()0123456789aZ\xc3\xff")])
    yield line[:at]
    yield line[at:]
    yield line[:at] + other + line[at + 1 :]
    yield line[:at] + other + line[at:]
    near = rng.randrange(min(len(line), 30) + 1)
    yield line[:near] + other + line[near + 1 :]
    yield line[: rng.randrange(len(line) + 1)] + line[rng.randrange(len(line) + 1) :]


def _noise(rng: random.Random) -> bytes:
    words = (b"2025-05-17", b"10:05:03", b"[17/May/2025:10:05:03 +0000]", b"May 17", b"INFO", b"-")
    marks = (b" ", b" ", b"", b": ", b"[", b"] ", b"<", b">", b"|", b"=", b"\xc3\xa9", b"7", b"#")
    return b"".join(rng.choice(words) + rng.choice(marks) for _ in range(rng.randrange(9)))


@pytest.mark.parametrize("head", HEADS)
def test_every_format_is_as_good_as_asked(head: str) -> None:
    rng = random.Random(3)
    lines = [bad for line in _samples() for bad in _damaged(line, rng)]
    lines += [_noise(rng) for _ in range(1500)]
    rng.shuffle(lines)
    _same(HEADS[head] * 200 + b"\n".join(lines))


DATA = SHARED / "data"


@pytest.mark.skipif(not DATA.is_dir(), reason="no shared data")
@pytest.mark.parametrize("folder", ["access_logs", "app_logs", "loghub_2k", "parser_samples",
                                    "raw_logs", "syslog"])  # fmt: skip
def test_samples_are_read_alike(folder: str) -> None:
    rng = random.Random(5)
    files = [f for f in sorted((DATA / folder).rglob("*")) if f.is_file()]
    assert files
    for file in files:
        lines = file.read_bytes()[:60_000].splitlines()[:300]
        _same(b"\n".join(lines))
        rest = [bad for line in lines[50:] for bad in list(_damaged(line, rng))[1:4:2]]
        _same(b"\n".join(lines[:50] + rest))


_MEMBER = st.sampled_from(
    [*"ab1 -:é", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\.", ".", "[ab]", "[^ab]", "[0-9.]",
     r"[\w.-]", r"[^\s:]", "[]a]", "[^]a]", "[a-]", r"[\]a]", "[é]", "[^é]", "[[:alpha:]]", r"\b",
     r"\x61", r"\x1b", r"\pL", "$", "^", "(?i)", "(?i:a)", r"\t"]
)  # fmt: skip
_COUNT = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{0}", "{1,}", "{0,2}", "{1,3}", "+?",
                          "*?", "??", "{1,2}?"])  # fmt: skip
_PIECES = st.recursive(
    st.builds(str.__add__, _MEMBER, _COUNT),
    lambda inner: st.builds(
        lambda parts, opens, between, count: f"({opens}{between.join(parts)}){count}",
        st.lists(inner, max_size=3),
        st.sampled_from(["", "?:", "?:"]),
        st.sampled_from(["", "", "|"]),
        _COUNT,
    ),
    max_leaves=6,
)
_PATTERN = st.builds(
    lambda start, parts, between, end: f"{start}{between.join(parts)}{end}",
    st.sampled_from(["", "^"]),
    st.lists(_PIECES, min_size=1, max_size=5),
    st.sampled_from(["", "", "", "", "|"]),
    st.sampled_from(["(?P<message>.*)", "(?P<message>.*)$", "|(?P<message>b.*)"]),
)
_TEXT = st.text(alphabet="ab1 -:é.]tZ\t", max_size=12)


@settings(max_examples=800, deadline=None)
@given(pattern=_PATTERN, lines=st.lists(_TEXT, min_size=1, max_size=12))
def test_any_pattern_is_as_good_as_asked(pattern: str, lines: list[str]) -> None:
    data = "\n".join(line for line in lines if line.strip()).encode()
    try:
        full = _read(data, ask_all=True, pattern=pattern)
    except lf.ConfigError:  # not everything that is built above is an expression
        return
    assert _read(data, ask_all=False, pattern=pattern) == full


def test_shapes_let_their_own_lines_pass() -> None:
    """Each kind of syntax that a shape reads, with lines that match and lines that do not."""
    cases = {
        r"^\d{4}-\d\d (?P<m>\S+) x$": ["2025-01 a x", "2025-1 a x", "20255-01 a x", "2025-01 a y"],
        r"(?P<a>[^:]+): (?P<b>.*)": ["é: x", ": x", "ab:x", "ab: x"],
        r"(?P<a>\d{1,2}):(?P<b>\w+)": ["1:a", "12:a", "123:a", ":a"],
        r"(?P<a>\d+) ?\d(?P<b>.*)": ["123", "12 3", "1", "1 a"],
        r"(?P<a>[^x])(?P<b>y)": ["éy", "ay", "xy", "éxy", "€y", "🌲y"],
        r"(?P<a>[^x]{2}) (?P<b>y)": ["🌲🌲 y", "🌲 y", "ab y", "abc y"],
        r"(?P<a>a)b?": ["azz", "ab", "b"],
        r"(?P<a>\d*)": ["zebra", "1"],
        r"(?:ab|cd)?(?P<a>e|f)": ["abe", "f", "ab", "cde", "xe"],
        r"(?P<a>a|b)c": ["ac", "bc", "cc"],
        r"(?i)(?P<a>ab)c": ["ABC", "abc", "ab"],
        r"(?:<\d+>)?(?P<a>b)": ["<1>b", "b", "<b"],
    }
    for pattern, lines in cases.items():
        _same("\n".join(lines).encode(), pattern)
        taken = _read("\n".join(lines).encode(), ask_all=False, pattern=pattern)[1]["records"]
        python = re.compile(pattern, re.ASCII if r"\w" in pattern else 0)
        assert taken == sum(python.match(line) is not None for line in lines), pattern
