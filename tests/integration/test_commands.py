"""``logforest ingest`` and ``logforest query`` as processes, against a server and a store."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import logforest
from logforest.stores.base import LogQuery
from logforest.testing.service import UpProcess, run_command


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    with UpProcess(tmp_path_factory.mktemp("commands") / "data") as running:
        yield running
        assert running.stop() == 0
        assert "Traceback" not in running.output


def test_ingest_command_sends_each_record_once(up: UpProcess, tmp_path: Path) -> None:
    lines = [b'{"service":"cli","message":"number n%05dn"}\n' % i for i in range(30_000)]
    (tmp_path / "a.ndjson").write_bytes(b"".join(lines[:20_000]) + b"{bad\n")  # over 1 MB
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(b"".join(lines[20_000:])))
    arguments = ("ingest", f"{tmp_path}/*.ndjson*", "--url", up.url, "--json")
    for _ in range(2):
        code, out, error = run_command(*arguments)
        assert code == 0, error
        assert json.loads(out) == {"records": 30_000, "rejected": 1, "files": 2}
    assert up.get("/api/v1/logs?service=cli&limit=1")["total"] == 30_000
    source = up.get("/api/v1/logs?service=cli&q=n25000n")["items"][0]["source"]
    assert source == "b.ndjson.gz"
    code, out, error = run_command(
        "query", "--url", up.url, "--service", "cli", "-n", "25000", "--json"
    )
    assert code == 0, error
    assert len({json.loads(line)["id"] for line in out.splitlines()}) == 25_000


def test_ingest_command_reads_standard_input(up: UpProcess) -> None:
    code, out, error = run_command(
        "ingest", "-", "--url", up.url, "--service", "piped", "-f", "logfmt",
        stdin=b"level=error msg=one\nlevel=info msg=two\n",
    )  # fmt: skip
    assert code == 0, error
    assert out.startswith(b"2 records stored, 0 lines rejected")
    items = up.get("/api/v1/logs?service=piped")["items"]
    assert sorted((i["level"], i["message"]) for i in items) == [("ERROR", "one"), ("INFO", "two")]


def test_commands_on_a_store(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text('{"level":"error","message":"kept \\u001b[31m"}\n' * 3)
    store = str(tmp_path / "store")
    code, out, error = run_command("ingest", str(tmp_path / "a.log"), "--data", store, "--json")
    assert (code, json.loads(out)["records"]) == (0, 3), error
    code, out, error = run_command("query", "kept", "--data", store, "--level", "error")
    assert code == 0, error
    assert len(out.splitlines()) == 3
    assert b"\x1b[31m" not in out
    assert run_command("query", "--data", store, "-n", "0", "--json")[:2] == (0, b"")


def test_ingest_says_that_it_waits_and_gives_up(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("level=info msg=a\n")
    code, out, error = run_command("ingest", str(tmp_path / "a.log"), "--url", "http://127.0.0.1:9")
    first, last = error.splitlines()
    assert (code, out) == (1, b"")
    assert first.endswith("trying again")
    assert "cannot reach http://127.0.0.1:9" in first
    assert "cannot reach http://127.0.0.1:9" in last


def test_ingest_of_a_damaged_file(up: UpProcess, tmp_path: Path) -> None:
    path = tmp_path / "short.gz"
    path.write_bytes(gzip.compress(b"level=info msg=a\n" * 1000)[:-9])
    code, out, error = run_command("ingest", str(path), "--url", up.url)
    assert (code, out) == (1, b"")
    assert "the gzip data ends early" in error
    assert len(error.splitlines()) == 1


def test_version_and_files_of_which_some_are_empty(tmp_path: Path) -> None:
    code, out, _ = run_command("--version")
    assert (code, out.split()[0]) == (0, b"logforest")
    (tmp_path / "empty.log").write_bytes(b"")
    (tmp_path / "some.log").write_text("level=info msg=a\n" * 3)
    code, out, error = run_command("analyze", str(tmp_path / "*.log"), "--json")
    assert (code, json.loads(out)["records"]) == (0, 3), error
    (tmp_path / "empty2.log").write_bytes(b"")
    code, out, error = run_command("analyze", str(tmp_path / "empty*.log"))
    assert (code, out) == (1, b"")
    assert "empty" in error
    code, _, error = run_command("analyze", str(tmp_path / "some.log"), "--html", "/nowhere/r.html")
    assert code == 1
    assert "there is no directory /nowhere" in error


def test_server_profile_starts_before_its_servers(tmp_path: Path) -> None:
    servers = ("--redis", "redis://127.0.0.1:9", "--postgres", "postgresql://127.0.0.1:9/x")
    with UpProcess(tmp_path / "data", "--profile", "server", *servers, ready=False) as running:
        assert running.request("GET", "/health/ready")[0] == 503
        assert running.request("POST", "/ingest", b"level=info msg=a")[0] == 503
        assert running.stop() == 0
    assert "Postgres is not there yet" in running.output


def test_ingest_of_another_encoding(up: UpProcess, tmp_path: Path) -> None:
    path = tmp_path / "latin.log"
    path.write_bytes("2026-01-05 10:00:00 INFO fermé à clé\n".encode("latin-1") * 20)
    for target in (("--url", up.url), ("--data", str(tmp_path / "store"))):
        code, out, error = run_command("ingest", str(path), *target)
        assert (code, out) == (1, b""), error
        assert "--encoding" in error
        code, out, error = run_command(
            "ingest", str(path), *target, "--encoding", "latin-1", "--json"
        )
        assert code == 0, error
        assert json.loads(out) == {"records": 20, "rejected": 0, "files": 1}
    found = up.get("/api/v1/logs?q=ferm%C3%A9&limit=5")
    assert {row["message"] for row in found["items"]} == {"fermé à clé"}


def test_doctor_says_what_is_in_the_way(up: UpProcess, tmp_path: Path) -> None:
    code, out, error = run_command("doctor", "--json")
    assert (code, error) == (0, "")
    assert json.loads(out)["duckdb"]
    code, out, error = run_command("doctor", "--json", "--data", str(tmp_path / "new"))
    assert code == 0, out
    assert not (tmp_path / "new").exists()
    held = ("--data", str(up.data), "--port", str(up.port))
    code, out, error = run_command("doctor", "--json", *held)
    assert (code, error) == (1, "")
    checks = {check["check"]: check for check in json.loads(out)["checks"]}
    assert [name for name, check in checks.items() if not check["ok"]] == ["store", "port"]
    assert up.process is not None
    assert f"held by process {up.process.pid}" in checks["store"]["detail"]
    assert "taken" in checks["port"]["detail"]


def test_doctor_asks_the_servers(redis_url: str, dsn: str) -> None:
    code, out, _ = run_command("doctor", "--redis", redis_url, "--postgres", dsn)
    assert code == 1
    assert b"logforest db migrate" in out
    assert run_command("db", "migrate", "--postgres", dsn)[0] == 0
    code, out, error = run_command("doctor", "--redis", redis_url, "--postgres", dsn)
    assert code == 0, out.decode() + error
    code, out, _ = run_command("doctor", "--redis", "redis://127.0.0.1:1", "--json")
    assert code == 1
    assert not json.loads(out)["checks"][1]["ok"]


def test_words_to_look_for_as_argument_or_option(up: UpProcess, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text('{"msg": "red fox"}\n{"msg": "red hen"}\n')
    assert (
        run_command("ingest", str(tmp_path / "a.log"), "--url", up.url, "--service", "farm")[0] == 0
    )
    for words in (["red fox"], ["--q", "red fox"], ["fox", "--q", "red"], ["-q", '"red fox"']):
        code, out, error = run_command("query", *words, "--service", "farm", "--url", up.url)
        assert (code, len(out.splitlines())) == (0, 1), error


def test_ctrl_c_while_a_store_is_written_is_no_error(tmp_path: Path) -> None:
    """DuckDB turns the signal into an error of its own, in whatever statement runs."""
    code = """
import os, signal, threading
import logforest as lf
with lf.open(":memory:") as store:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        store.file.row("SELECT count(*) FROM range(1000000000000) a WHERE hash(a.range) = 1")
    except KeyboardInterrupt:
        print("interrupted")
    assert store.logs().num_rows == 0
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


def test_errors_are_words_of_what_to_do(tmp_path: Path) -> None:
    folder, plain, packed = tmp_path / "logs", tmp_path / "a.log", tmp_path / "a.log.gz"
    folder.mkdir()
    plain.write_text("level=info msg=a\n")
    packed.write_bytes(gzip.compress(b"level=info msg=a\n" * 50))
    text = "2026-01-05 10:00:00 INFO größer\n" * 20
    for codec in ("utf-16-le", "utf-16-be", "utf-32"):
        (tmp_path / codec).write_bytes(text.encode(codec))
    for arguments, words in (
        (("analyze", str(folder)), f"{folder}: Is a directory; name its files"),
        (("analyze", str(tmp_path / "no")), f"{tmp_path}/no: No such file or directory"),
        (("analyze", "/dev/null"), "/dev/null is empty"),
        (("analyze", str(tmp_path / "utf-16-le")), "--encoding utf-16-le"),
        (("analyze", str(tmp_path / "utf-16-be")), "--encoding utf-16-be"),
        (("analyze", str(tmp_path / "utf-32")), "--encoding utf-32"),
        (("ingest", str(tmp_path / "utf-16-le"), "--data", str(folder)), "--encoding utf-16-le"),
        (
            ("ingest", str(plain), "--data", str(plain)),
            f"{plain}: File exists; a directory is wanted",
        ),
        (("tail", str(packed)), f"{packed} is compressed"),
        (("demo", "-n", "10", "--density", "0"), "--density must be above 0"),
    ):
        code, out, error = run_command(*arguments)
        assert (code, out) == (1, b""), (arguments, error)
        assert words in error
        assert len(error.splitlines()) == 1, error


def test_a_store_takes_each_file_once(tmp_path: Path) -> None:
    lines = b"".join(b"level=info msg=m n=%d\n" % i for i in range(60_000))
    (tmp_path / "a.log").write_bytes(lines)
    short = tmp_path / "b.log.gz"
    short.write_bytes(gzip.compress(lines)[:-9])
    store = ("--data", str(tmp_path / "store"), "--json")
    for _ in range(2):
        code, out, error = run_command("ingest", str(tmp_path / "a.log"), *store)
        assert (code, json.loads(out)["records"]) == (0, 60_000), error
    code, out, error = run_command("ingest", str(short), *store)
    assert (code, out) == (1, b"")
    assert "nothing of it was stored" in error
    short.write_bytes(gzip.compress(lines))
    assert run_command("ingest", str(short), *store)[0] == 0
    code, out, error = run_command("ingest", "-", *store, stdin=b"level=info msg=m\n")
    assert code == 0, error
    with logforest.open(str(tmp_path / "store" / "logs.duckdb")) as opened:
        assert opened.count(LogQuery()) == 2 * 60_000 + 1
