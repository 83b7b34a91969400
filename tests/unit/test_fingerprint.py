"""The fingerprint: equal to its definition, whatever the parts of a message are."""

from __future__ import annotations

import uuid

from hypothesis import example, given
from hypothesis import strategies as st
from tests.examples import examples
from tests.reference.fingerprint_reference import Variable, fingerprint, message, template

import logforest as lf
from logforest import _core

Part = str | Variable

plain = st.sampled_from(
    ["user", "failed", "Connection", "täglich", "a-b", "x_y", "worker.pool", "(idle)", "at", "std"]
)
words = st.one_of(
    st.integers(0, 10**20).map(str),
    st.floats(0.001, 1e6).map(lambda f: f"{f:.3f}ms"),
    st.uuids().map(str),
    st.ip_addresses(v=4).map(str),
    st.integers(0, 2**64).map(hex),
    st.sampled_from(
        ["blk_-42", "v1.2.3", "node-7", "bob@example.com", "2026-01-02T03:04:05.678Z", "12:30:45",
         "00:1a:2b:3c:4d:5e", "2001:db8::1", "fe80::dead:beef", "+49 30 1234567", "/var/log/a.log",
         "https://h.example/a?b=c", "/cart?id=x", "<EMAIL>", "<CARD:3f9a>", "<*>",
         "GB29 NWBK 6016 1331 9268 19", "AKIAABCDEFGHIJKLMNOP", "4111 1111 1111 1111"]
    ),
)  # fmt: skip
variables = words.map(lambda text: [Variable(text)])
values = st.sampled_from(["abc", "hunter2", "x.y"])
composed = st.one_of(
    values.map(lambda v: ['"', Variable(v), '"']),
    values.map(lambda v: ["'", Variable(v), "'"]),
    values.map(lambda v: ["password=", Variable(v)]),
    values.map(lambda v: ['"token": "', Variable(v), '"']),
    values.map(lambda v: ["Authorization: Basic ", Variable(v)]),
    st.just(['"no such file"']),
    st.just(['"name": ']),
    st.just(["it's"]),
    st.just(["C:", Variable("\\temp\\b")]),
)
pieces = st.one_of(plain.map(lambda text: [text]), variables, composed)
separators = st.sampled_from([" ", ", ", " - ", " | ", "; "])


@examples(300)
@given(st.lists(pieces, max_size=8), separators)
@example([["took"], [Variable("5")], [Variable("6")], ["s"]], " ")
def test_the_template_is_that_of_the_definition(found: list[list[Part]], separator: str) -> None:
    parts: list[Part] = []
    for piece in found:
        parts += ([separator] if parts else []) + piece
    text = message(parts)
    expected = template(parts)
    assert _core.template_text(text) == expected
    assert _core.fingerprint(text) == fingerprint(expected)


@examples(100)
@given(st.text(max_size=200))
def test_the_hash_is_that_of_the_template(text: str) -> None:
    cleaned = text.encode("utf-8", "replace").decode()
    found = fingerprint(_core.template_text(cleaned))
    assert _core.fingerprint(cleaned) == found
    assert 0 <= found < 2**53


def test_records_carry_it() -> None:
    text = f"job {uuid.UUID(int=7)} took 12 ms"
    (row,) = lf.parse(text, format="plain").to_arrow().to_pylist()
    assert row["template_id"] == fingerprint("job <*> took <*> ms")
