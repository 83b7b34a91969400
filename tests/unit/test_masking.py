"""Masking: what is found, what is left alone, and what must hold for any text."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.examples import examples

import logforest as lf
from logforest import _core
from logforest.errors import ConfigError
from logforest.masking import MaskRules, mask_pii

_spec = importlib.util.spec_from_file_location(
    "masking_cases", Path(__file__).parents[1] / "reference" / "masking_cases.py"
)
assert _spec is not None
assert _spec.loader is not None
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

FOUND = [
    (context.format(value), context.format(f"<{kind}>"))
    for kind, values in cases.VALUES.items()
    for value in values
    for context in cases.CONTEXTS
]


def test_the_corpus_is_large_enough() -> None:
    assert len(FOUND) + len(cases.PAIRS) + len(cases.NEGATIVES) >= 300


def test_recall() -> None:
    wrong = [(t, e, mask_pii(t)) for t, e in FOUND + cases.PAIRS + cases.GLUED if mask_pii(t) != e]
    assert not wrong


def test_precision() -> None:
    wrong = [(text, mask_pii(text)) for text in cases.NEGATIVES if mask_pii(text) != text]
    assert not wrong


def test_storage_rules_leave_addresses_and_phones() -> None:
    text = "10.0.0.1 +1 555 123 4567 bob@example.com"
    assert mask_pii(text, "storage") == "10.0.0.1 +1 555 123 4567 <EMAIL>"
    assert mask_pii(text, {"ip": "off", "phone": False}) == mask_pii(text, MaskRules())


def test_every_rule_can_be_turned_off() -> None:
    text = "bob@example.com 4111111111111111 DE89370400440532013000 AKIAIOSFODNN7EXAMPLE pwd=x"
    rules = {"email": False, "card": False, "iban": False, "token": False, "password": False}
    assert mask_pii(text, rules) == text
    for name in rules:
        assert mask_pii(text, {**rules, name: True}).count("<") == 1


def test_prefixes_are_kept() -> None:
    rules = MaskRules(ip="prefix")
    assert mask_pii("010.001.2.3 10.255.7.9", rules) == "10.1.2.0 10.255.7.0"
    assert mask_pii("2001:db8:1:2::5", rules) == "2001:db8:1::"
    assert mask_pii("10.1.2.3", MaskRules(ip="prefix", ipv4_prefix=12)) == "10.0.0.0"
    assert mask_pii("::1", MaskRules(ip="prefix", ipv6_prefix=128)) == "::1"


def test_pseudonyms_join_and_need_the_key() -> None:
    one = MaskRules(replacement="pseudonym", key="0123456789abcdef")
    two = MaskRules(replacement="pseudonym", key=b"another secret key")
    a, b = mask_pii("Bob@Example.com bob%40example.com", one).split()
    assert a == b
    digest = hmac.new(b"0123456789abcdef", b"EMAIL\0bob@example.com", hashlib.sha256).hexdigest()
    assert a == f"<EMAIL:{digest[:16]}>"
    assert mask_pii("bob@example.com", two) != a
    card = mask_pii("4111 1111 1111 1111", one)
    assert card == mask_pii("4111-1111-1111-1111", one) == mask_pii("4111111111111111", one)
    hashed = mask_pii("bob@example.com", {"replacement": "hash"})
    assert (
        hashed
        == f"<EMAIL:{hashlib.sha256(b'EMAIL' + bytes(1) + b'bob@example.com').hexdigest()[:16]}>"
    )
    assert mask_pii("password=x token=y", one) == "password=<PASSWORD> token=<TOKEN>"


def test_own_rules() -> None:
    rules = {"custom": {"TICKET": r"TCK-\d+", "WORD": r"\bsesame\b"}}
    assert mask_pii("TCK-12 sesame sesames", rules) == "<TICKET> <WORD> sesames"
    slow = {"custom": {"X": r"(a+)+$"}}
    assert mask_pii("a" * 50_000 + "b", slow) == "a" * 50_000 + "b"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"custom": {"X": "("}}, "X"),
        ({"custom": {"x": "a"}}, "capitals"),
        ({"custom": {"X": "a*"}}, "empty"),
        ({"colour": True}, "there is card"),
        ({"replacement": "pseudonym"}, "16 bytes"),
        ({"replacement": "rot13"}, "pseudonym"),
        ({"ip": "maybe"}, "prefix"),
        ({"ipv4_prefix": 33}, "32"),
        ("everything", "storage"),
    ],
)
def test_wrong_rules_say_what_to_do(rules: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mask_pii("x", rules)  # type: ignore[call-overload]


def test_types_are_kept() -> None:
    assert mask_pii(["a@b.io", "x"]) == ["<EMAIL>", "x"]
    assert mask_pii(b"\xff a@b.io \x00") == b"\xff <EMAIL> \x00"
    assert mask_pii("\ud800 a@b.io") == "\ud800 <EMAIL>"
    with pytest.raises(ConfigError, match="LogBatch"):
        mask_pii(5)  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="int"):
        mask_pii([5])  # type: ignore[list-item]


def batch() -> lf.LogBatch:
    good = {
        "msg": "mail bob@example.com", "user_id": "u-1", "ip": "10.0.0.9", "url": "/a?token=x1",
        "service": "web",
        "extra": {"password": [1, {"deep": "x"}, None], "n": 4111111111111111, "mail": "a@b.io"},
    }  # fmt: skip
    return lf.parse(json.dumps(good) + "\n" + '{"broken": "bob@example.com"\n', format="json")


def test_json_is_searched_behind_its_escapes() -> None:
    masker = MaskRules.named("all").masker()
    cases = {
        r'{"a":"x\n4111111111111111"}': {"a": "x\n<CARD>"},
        r'{"a":"alice\u0040example.com \u00e9"}': {"a": "<EMAIL> é"},
        r'{"a":"x\tbob@example.com\u003e"}': {"a": "x\t<EMAIL>>"},
        r'{"a":"{\"token\":\"b\\\"c\",\"d\":1}"}': {"a": '{"token":"<TOKEN>","d":1}'},
        r'{"template_id":4012888888881881,"span_id":"4012888888881881","n":4012888888881881}': {
            "template_id": 4012888888881881, "span_id": "4012888888881881", "n": "<CARD>",
        },
        '{"cookies":3,"cookie":"a=b","headers":{"Cookie":["a=b"],"authorization":"Basic eA=="}}': {
            "cookies": 3, "cookie": "<TOKEN>",
            "headers": {"Cookie": ["<TOKEN>"], "authorization": "<TOKEN>"},
        },
    }  # fmt: skip
    for text, expected in cases.items():
        assert json.loads(masker.mask_json(text)) == expected


def test_batches() -> None:
    logs = batch()
    masked = mask_pii(logs)
    assert masked["message"].to_pylist() == ["mail <EMAIL>"]
    assert masked["endpoint"].to_pylist() == ["/a?token=<TOKEN>"]
    assert masked["ip_address"].to_pylist() == ["<IP>"]
    assert masked["user_id"].to_pylist() == ["u-1"]
    extra = json.loads(masked["metadata"][0].as_py())["extra"]
    assert extra["password"] == ["<PASSWORD>", {"deep": "<PASSWORD>"}, None]
    assert extra["n"] == "<CARD>"
    assert extra["mail"] == "<EMAIL>"
    assert masked.rejected["text"].to_pylist() == ['{"broken": "<EMAIL>"']
    assert logs["message"].to_pylist() == ["mail bob@example.com"], "the argument is unchanged"
    assert mask_pii(logs, "storage")["ip_address"].to_pylist() == ["10.0.0.9"]
    assert mask_pii(logs, {"user_id": True})["user_id"].to_pylist() == ["<USER>"]
    assert mask_pii(masked).to_arrow().equals(masked.to_arrow())


# --- for any text -------------------------------------------------------------------------

pieces = st.one_of(
    st.sampled_from([v for values in cases.VALUES.values() for v in values]),
    st.sampled_from([t for t, _ in cases.PAIRS + cases.GLUED]),
    st.sampled_from(cases.NEGATIVES),
    st.sampled_from(
        [" ", ", ", ": ", "=", '"', "'", "/", "(", ")", "\n", "<", ">", "\\", "Bearer "]
    ),
    st.text(max_size=8),
)
texts = st.lists(pieces, max_size=8).map("".join)


@examples(400)
@given(texts)
@example('password="\\')
@example("4111111111111111" * 40)
@example("password=" * 500)
@example("password=hunter24111111111111111 5500000000000004")
@example("password=hunter2 4111111111111111")
@example("AKIAIOSFODNN7EXAMPLE4111111111111111 5500000000000004")
@example("00:11:22:33:44:55::ffff:192.0.2.1")
@example("2001:db8::1:AKIAIOSFODNN7EXAMPLE")
@example("AKIAIOSFODNN7EXAMPLE.4111111111111111")
@example("bob@example.com.10.1.2.3")
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = mask_pii(text)
    assert mask_pii(once) == once


@examples(300)
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    masked = mask_pii(data)
    try:
        data.decode()
    except UnicodeDecodeError:
        return
    masked.decode()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), pieces, st.just(4111111111111111)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(["password", "token", "a"]), pieces), inner, max_size=3
        ),
    ),
    max_leaves=12,
)


@examples(300)
@given(json_values, st.booleans())
def test_json_stays_json(value: object, ascii_only: bool) -> None:
    masker = MaskRules.of({"custom": {"SLASH": r"\\+"}}).masker()
    json.loads(masker.mask_json(json.dumps(value, ensure_ascii=ascii_only)))


@examples(100)
@given(st.lists(texts, max_size=6))
def test_each_record_by_itself(parts: list[str]) -> None:
    assert mask_pii(parts) == [mask_pii(part) for part in parts]


separated = st.lists(
    st.one_of(
        st.sampled_from([v for values in cases.VALUES.values() for v in values]),
        st.sampled_from([t for t, _ in cases.PAIRS]),
        st.sampled_from(
            ["took 5 ms", "user", "(x)", "at /var/log/a.log", "'q'", "12:30:45", "a=b"]
        ),
    ),
    max_size=6,
).flatmap(lambda words: st.sampled_from([" ", ", ", " | ", "; "]).map(lambda s: s.join(words)))


@examples(500)
@given(separated, st.sampled_from(["mask", "hash"]))
def test_the_template_survives_masking(text: str, replacement: str) -> None:
    masked = mask_pii(text, {"replacement": replacement})
    assert _core.template_text(masked) == _core.template_text(text)
    assert _core.fingerprint(masked) == _core.fingerprint(text)


def test_long_hostile_texts_are_linear() -> None:
    for unit in (
        "password='",
        'token="\\',
        "a@",
        "1.",
        "::",
        "4111 ",
        "AKIA",
        "Bearer ",
        "<A",
        "://:",
    ):
        text = unit * (1_000_000 // len(unit))
        assert isinstance(mask_pii(text), str)
        assert isinstance(_core.fingerprint(text), int)


def test_lines_of_a_key_that_became_records_are_masked() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
    text = "\n".join(
        ["-----BEGIN PRIVATE KEY-----", body, body, "QsmPqgFG0VGZ4dBe2a8Hzw==",
         "-----END PRIVATE KEY-----", "done"]
    )  # fmt: skip
    logs = lf.mask_pii(lf.parse(text, format="plain"))
    assert logs["message"].to_pylist() == [
        "-----BEGIN PRIVATE KEY-----", "<TOKEN>", "<TOKEN>", "<TOKEN>",
        "-----END PRIVATE KEY-----", "done",
    ]  # fmt: skip
    for last in ("Hzw=", "dBe2a8H0", "0VGZ4dBe2a8HzwQsmPqg", "Hzw9HwQ="):
        key = ["-----BEGIN RSA PRIVATE KEY-----", body, last, "-----END RSA PRIVATE KEY-----"]
        logs = lf.mask_pii(lf.parse("\n".join(key), format="plain"))
        assert logs["message"].to_pylist() == [key[0], "<TOKEN>", "<TOKEN>", key[3]]
        rejected = lf.mask_pii(lf.parse("\n".join(key), format="klog")).rejected
        assert rejected["text"].to_pylist() == [key[0], "<TOKEN>", "<TOKEN>", key[3]]
    for text in ([body, "done", "more"], ["user", "done", key[3]], ["done"], [key[0], "it's"]):
        logs = lf.mask_pii(lf.parse("\n".join(text), format="plain"))
        assert "<TOKEN>" not in logs["message"].to_pylist()[1:]
    for digest in ("a" * 64, "0123456789abcdef" * 4, "A" * 64, "x" * 63 + "="):
        assert lf.mask_pii(lf.parse(digest, format="plain"))["message"].to_pylist() == [digest]
