"""The demo generator: exact counts, same seed same bytes, labels that are true of the text."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from logforest import demo
from logforest.demo.post import bodies, post_ndjson
from logforest.errors import ConfigError, StoreError

LINE = {
    "json": r"\{.*\}",
    "logfmt": r"ts=\S+ level=\w+ service=\w+ .*version=[\d.]+",
    "rfc5424": r"<\d+>1 \S+Z \S+ \w+ 1 - \[.*\] .+",
    "rfc3164": r"<\d+>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \w+\[1\]: .+",
    "apache_combined": r'\S+ - u\d+ \[[^\]]+ \+0000\] "[A-Z]+ \S+ HTTP/1.1" \d{3} \d+ "\S+" ".+"',
    "plain": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+ \[\w+\] .+",
}


def records(text: bytes) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("fmt", demo.FORMATS)
def test_every_format_has_exactly_the_lines_asked_for(fmt):
    text, labels = demo.generate(4000, hours=4, seed=3, format=fmt)
    lines = text.decode().splitlines()
    assert len(lines) == 4000
    assert len(labels) == len(demo.KINDS)
    patterns = [re.compile(p) for f, p in LINE.items() if fmt in (f, "mixed")]
    for line in lines:
        assert any(p.fullmatch(line) for p in patterns), line


def test_same_seed_same_bytes_and_other_seed_other_bytes():
    a, labels = demo.generate(3000, hours=2, seed=5)
    b, same = demo.generate(3000, hours=2, seed=5)
    c, _ = demo.generate(3000, hours=2, seed=6)
    assert a == b
    assert labels == same
    assert a != c


def test_blocks_join_to_the_whole_and_hold_whole_lines():
    blocks, _ = demo.stream(150_000, hours=6, seed=1)
    parts = list(blocks)
    assert len(parts) > 1
    assert all(part.endswith(b"\n") for part in parts)
    assert b"".join(parts) == demo.generate(150_000, hours=6, seed=1)[0]


def test_records_are_ordered_complete_and_of_the_promised_size():
    text, _ = demo.generate(20_000, hours=6, seed=2)
    rows = records(text)
    stamps = [row["timestamp"] for row in rows]
    assert stamps == sorted(stamps)
    assert {row["service"] for row in rows} == {
        "gateway", "auth", "catalog", "orders", "payments", "inventory",
    }  # fmt: skip
    assert 400 <= len(text) / len(rows) <= 500
    assert isinstance(rows[0]["metadata"], dict)


def test_labels_are_true_of_the_text():
    text, labels = demo.generate(hours=5, density=500, seed=11)
    rows = records(text)
    by_kind = {label.kind: label for label in labels}
    assert set(by_kind) == set(demo.KINDS)

    def inside(kind):
        label = by_kind[kind]
        first, last = label.to_dict()["start"], label.to_dict()["end"]
        return [
            row for row in rows
            if row["service"] == label.service and first <= row["timestamp"] < last
        ]  # fmt: skip

    assert inside("silent_service") == []
    failed = Counter(row.get("status_code", 0) >= 500 for row in inside("error_burst"))
    assert failed[True] / failed.total() > 0.15
    logins = [row for row in inside("credential_stuffing") if row.get("status_code") == 401]
    assert len({row["ip_address"] for row in logins if row["ip_address"][:4] == "198."}) <= 6
    assert len(logins) > 50
    inside_exception = inside("new_exception")
    java = [row for row in inside_exception if row["message"].startswith("java.")]
    assert java
    assert sum(row["message"].startswith("java.") for row in rows) == len(java)
    drift = by_kind["latency_drift"]
    mean = lambda part: sum(r["response_time"] for r in part) / len(part)  # noqa: E731
    usual = [r for r in rows if r["service"] == drift.service and "response_time" in r]
    late = [r for r in inside("latency_drift") if "response_time" in r]
    assert mean(late) > 1.5 * mean(usual)


def test_traffic_follows_day_and_week():
    traffic = demo.plan(hours=24 * 7, density=300, incidents=0)
    by_day = traffic._counts.sum(axis=1).reshape(7, 24, 60).sum(axis=2)
    assert by_day[2, 15] > 1.5 * by_day[2, 3]
    assert by_day[5].sum() < 0.8 * by_day[3].sum()


def test_arguments_are_checked():
    for wrong in (
        {"format": "xml"}, {"records": -1}, {"density": 0}, {"hours": 0}, {"incidents": -1},
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            demo.generate(**wrong)
    text, labels = demo.generate(10, hours=0.2)
    assert (text.count(b"\n"), labels) == (10, [])


def cli(*arguments: str):
    import logforest.cli as command

    if not command.app.registered_commands:
        command._load_commands()
    return CliRunner().invoke(command.app, ["demo", *arguments])


def test_command_writes_file_and_labels(tmp_path: Path):
    out, labels = tmp_path / "a.log", tmp_path / "labels.json"
    result = cli("-n", "500", "--hours", "2", "--fixed", "-o", str(out), "--labels", str(labels))
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == demo.generate(500, hours=2)[0]
    incidents = json.loads(labels.read_text())["incidents"]
    assert {i["kind"] for i in incidents} == set(demo.KINDS)
    assert datetime.fromisoformat(incidents[0]["start"]).tzinfo == UTC


def test_pacing_cuts_into_tenths_of_a_second_and_loses_nothing(monkeypatch):
    from logforest.cli import demo as command

    waits: list[float] = []
    monkeypatch.setattr(command.time, "sleep", waits.append)
    text, _ = demo.generate(1000, hours=0.5)
    parts = list(command._paced(iter([text]), 1000))
    assert b"".join(parts) == text
    assert len(parts) == 10
    assert sum(waits) == pytest.approx(sum(k / 10 for k in range(1, 10)), rel=0.2)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        busy = self.server.busy.pop() if self.server.busy else 202
        if busy == 202:
            self.server.got.append(body)
        self.send_response(busy)
        self.send_header("Content-Length", "0")
        self.send_header("Retry-After", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), _Handler) as httpd:
        httpd.got, httpd.busy = [], []
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()


def test_posting_waits_when_told_and_reports_refusal(server):
    url = f"http://127.0.0.1:{server.server_port}"
    text, _ = demo.generate(5000, hours=2)
    server.busy = [503, 429]
    assert post_ndjson(url, [text]) == len(text)
    assert b"".join(server.got) == text
    assert len(server.got) >= 2
    assert all(len(body) <= 1 << 20 for body in server.got)
    server.busy = [401]
    with pytest.raises(StoreError, match="401"):
        post_ndjson(url, [b"{}\n"])


def test_posting_to_nobody_is_one_clear_error():
    with pytest.raises(StoreError, match="cannot post to"):
        post_ndjson("http://127.0.0.1:1", [b"{}\n"])
    with pytest.raises(ConfigError):
        post_ndjson("ftp://x", [b"{}\n"])


def test_bodies_keep_a_line_that_is_longer_than_a_body():
    assert list(bodies([b"a" * 10 + b"\nbb\n"], size=4)) == [b"a" * 10 + b"\n", b"bb\n"]
