"""Which requests are plain POSTs, and that everything else is left to the general parser."""

from __future__ import annotations

import pytest

from logforest import _core

BODY = b'{"message": "a"}'
READER = _core.PostReader(
    ["/ingest"], [("application/json", "json"), ("text/plain", "auto"), ("", "auto")], 1000
)


def request(*headers: str, line: str = "POST /ingest HTTP/1.1", body: bytes = BODY) -> bytes:
    given = headers or ("Content-Type: application/json",)
    head = "\r\n".join([line, "Host: x", *given, f"Content-Length: {len(body)}"])
    return head.encode("latin-1") + b"\r\n\r\n" + body


def test_plain_requests_give_body_format_and_size() -> None:
    data = request()
    assert READER.read(data) == (BODY, "json", len(data))
    assert READER.read(data + b"POST more") == (BODY, "json", len(data))
    several = ("CONTENT-TYPE:  Text/Plain; charset=utf-8 ", "Connection: Keep-Alive", "Accept: */*")
    assert READER.read(request(*several)) == (BODY, "auto", len(request(*several)))
    untyped = request("User-Agent: x")
    assert READER.read(untyped) == (BODY, "auto", len(untyped))


def test_a_plain_request_may_come_in_pieces() -> None:
    data = request()
    for cut in range(data.index(b"\r\n\r\n") + 4, len(data)):
        assert READER.read(data[:cut]) == len(data)
    for cut in range(data.index(b"\r\n\r\n") + 4):
        assert READER.read(data[:cut]) is None


@pytest.mark.parametrize(
    "data",
    [
        request(line="GET /ingest HTTP/1.1"),
        request(line="POST /ingest HTTP/1.0"),
        request(line="POST /ingest?format=json HTTP/1.1"),
        request(line="POST /ingest2 HTTP/1.1"),
        request(line="POST  /ingest HTTP/1.1"),
        request(line="POST HTTP/1.1"),
        request(line="POST"),
        request("Content-Type: image/png"),
        request("Content-Encoding: gzip"),
        request("Idempotency-Key: k"),
        request("Authorization: Bearer x"),
        request("X-API-Key: x"),
        request("Origin: http://localhost"),
        request("traceparent: 00-x"),
        request("Expect: 100-continue"),
        request("Transfer-Encoding: chunked"),
        request("transfer-encoding : chunked"),
        request("Connection: close"),
        request("Upgrade: websocket"),
        request("Host: y"),
        request("Content-Length: 16"),
        request("Content-Type: text/plain", "Content-Type: text/plain"),
        request("A: b\x00c"),
        request("A: b\rc"),
        request("A: b\nContent-Length: 3"),
        request(" folded: x"),
        request("no colon"),
        request(body=b""),
        request(body=b"x" * 1001),
        request(body=b"\x1f\x8bxxxx"),
        request("X: " + "y" * 9000),
        BODY,
        b"",
        request().replace(b"Content-Length: 16", b"Content-Length: +16"),
        request().replace(b"Content-Length: 16", b"Content-Length: 99999999999999999999999"),
        request().replace(b"Content-Length: 16", b"Content-Length:"),
        request().replace(b"Content-Length: 16", b"X-Length: 16"),
        request().replace(b"Host: x\r\n", b""),
    ],
    ids=lambda data: repr(data[:60]),
)
def test_everything_else_is_for_the_general_parser(data: bytes) -> None:
    assert READER.read(data) is None


def test_only_known_hosts_have_the_short_way() -> None:
    reader = _core.PostReader(["/ingest"], [("", "auto")], 1000, ["x", "localhost:8000"])
    for host, known in {
        "x": True,
        "X": True,
        "localhost:8000": True,
        "localhost": False,
        "x.y": False,
        "": False,
    }.items():
        data = request("Accept: a").replace(b"Host: x", f"Host: {host}".encode())
        assert (reader.read(data) is not None) is known, host
