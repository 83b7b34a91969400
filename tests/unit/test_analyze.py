"""``logforest analyze``: counts as awk has them, every window accounted for, clear refusals."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.paths import SHARED

from logforest import demo
from logforest.analysis import analyze
from logforest.analysis.report import render_html

ACCESS = SHARED / "data" / "access_logs" / "elastic_apache_logs.log"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "logforest", "analyze", *map(str, arguments)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not ACCESS.exists(), reason="the shared data is not here")
def test_access_log_has_the_counts_that_awk_gives():
    result = run(ACCESS, "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    awk = subprocess.run(
        ["awk", '{n[$9]++} END {for (s in n) print s, n[s]; print "lines", NR}', str(ACCESS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = {key: int(n) for key, n in (line.split() for line in awk.stdout.splitlines())}
    assert report["lines"] == expected.pop("lines")
    assert report["by_status"] == expected
    assert report["records"] + report["rejected"] == report["lines"]
    assert report["format"] == "apache_combined"
    assert sum(window["count"] for window in report["windows"]) == report["records"]
    assert sum(template["count"] for template in report["templates"]) == report["records"]
    assert sum(report["by_level"].values()) == sum(report["by_service"].values())
    assert report["time_range"] == {
        "start": "2015-05-17T10:05:00Z", "end": "2015-05-20T21:05:59Z",
    }  # fmt: skip


def test_demo_is_counted_and_its_incidents_are_told(tmp_path: Path):
    text, labels = demo.generate(120_000, hours=5, seed=8)
    path = tmp_path / "shop.ndjson.gz"
    path.write_bytes(gzip.compress(text, 1))
    report = analyze([str(path)]).to_dict()
    rows = [json.loads(line) for line in text.splitlines()]
    assert report["records"] == len(rows) == 120_000
    assert report["by_level"] == dict(Counter(row["level"] for row in rows))
    assert report["by_service"] == dict(Counter(row["service"] for row in rows))
    assert report["by_status"] == {
        str(s): n
        for s, n in sorted(Counter(r["status_code"] for r in rows if "status_code" in r).items())
    }
    assert sum(window["count"] for window in report["windows"]) == 120_000
    found = {(a["service"], a["kind"]) for a in report["anomalies"]}
    burst = next(label for label in labels if label.kind == "error_burst")
    assert (burst.service, "error_burst") in found
    assert all(a["reason"] for a in report["anomalies"])


def test_bad_lines_are_counted_and_neighbours_kept(tmp_path: Path):
    path = tmp_path / "a.log"
    path.write_bytes(b'{"msg": "one", "ts": 1}\n{"msg": \n{"msg": "two", "ts": 2}\n\n')
    report = analyze([str(path)]).to_dict()
    assert (report["records"], report["rejected"], report["blank"]) == (2, 1, 1)
    assert report["rejects"][0]["line"] == 2
    assert report["lines"] == 4


def test_files_beside_each_other_in_time(tmp_path: Path):
    text, _ = demo.generate(4000, hours=1, seed=1)
    for service in ("auth", "orders"):
        lines = [x for x in text.splitlines(True) if f'"service":"{service}"'.encode() in x]
        (tmp_path / f"{service}.log").write_bytes(b"".join(lines))
    report = analyze([str(tmp_path / "auth.log"), str(tmp_path / "orders.log")]).to_dict()
    assert set(report["by_service"]) == {"auth", "orders"}
    assert sum(w["count"] for w in report["windows"]) == report["records"]
    assert not any("long after" in note for note in report["notes"])


HOSTILE = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>"


def test_log_text_cannot_steer_terminal_or_page(tmp_path: Path):
    path, page = tmp_path / "a.log", tmp_path / "r.html"
    lines = [
        json.dumps({"ts": i, "level": "error", "service": f"s{HOSTILE}", "msg": HOSTILE})
        for i in range(30)
    ]
    path.write_text("\n".join(lines))
    result = run(path, "--html", page)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
    html = page.read_text()
    assert "<script" not in html.lower()
    assert "\x1b" not in html
    assert "default-src 'none'" in html


def test_page_is_whole_and_needs_nothing_from_outside(tmp_path: Path):
    path = tmp_path / "shop.ndjson"
    path.write_bytes(demo.generate(20_000, hours=3, seed=8)[0])
    html = render_html(analyze([str(path)]))
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert "<svg" in html
    for outside in ("http:", "https:", "src=", "@import", "url("):
        assert outside not in html


def _bad_inputs(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    text = demo.generate(20_000, hours=2)[0]
    files = {
        "empty": (b"", "is empty"),
        "blank": (b"\n\n\n", "no log records"),
        "binary": (bytes(range(256)) * 200, "binary"),
        "utf-16": (text[:4000].decode().encode("utf-16-le"), "--encoding utf-16-le"),
        "latin-1": ("2026-01-05 10:00:00 INFO fermé\n".encode("latin-1") * 9, "--encoding"),
        "truncated.gz": (gzip.compress(text)[:-5000], "ends early"),
    }
    cases = {}
    for name, (data, words) in files.items():
        (tmp_path / name).write_bytes(data)
        cases[name] = (tmp_path / name, words)
    cases["missing"] = (tmp_path / "missing", "No such file")
    return cases


def test_bad_input_is_one_clear_line_and_nothing_else(tmp_path: Path):
    for name, (path, words) in _bad_inputs(tmp_path).items():
        result = run(path, "--json")
        assert result.returncode == 1, name
        assert result.stdout == "", name
        assert words in result.stderr, (name, result.stderr)
        assert result.stderr.count("\n") == 1, (name, result.stderr)
        assert "Traceback" not in result.stderr


def test_other_encodings_are_read_when_they_are_named(tmp_path: Path):
    path = tmp_path / "a.log"
    for codec in ("latin-1", "utf-16-le", "utf-16"):
        path.write_bytes(("2026-01-05 10:00:00 INFO fermé à clé\n" * 9).encode(codec))
        result = run(path, "--json", "--encoding", codec)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["templates"][0]["example"] == "fermé à clé"
    result = run(path, "--encoding", "klingon")
    assert (result.returncode, result.stdout) == (1, "")
    assert "unknown encoding 'klingon'" in result.stderr


def test_a_few_bytes_that_are_not_utf8_spoil_no_report(tmp_path: Path):
    path = tmp_path / "a.log"
    line = b"2026-01-05 10:00:00 INFO all well\n"
    path.write_bytes(line * 50 + line.replace(b"well", b"w\xe9ll") + line * 50)
    assert run(path).returncode == 0


def test_unknown_options_and_formats_are_told(tmp_path: Path):
    path = tmp_path / "a.log"
    path.write_text("level=info msg=x\n")
    assert run(path, "--bogus").returncode == 2
    for option, value in (("--format", "xml"), ("--every", "5x")):
        result = run(path, option, value)
        assert result.returncode == 1
        assert value in result.stderr
