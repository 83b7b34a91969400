"""``logforest tail -f``: rotation, truncation, hostile text."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

LINE = "2024-05-01 10:00:{0:02d},000 WARN door: record {0}\n"


class Tail:
    def __init__(self, file: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "logforest", "tail", str(file), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """The next line; it fails when none comes in four minutes."""
        out: IO[str] | None = self.process.stdout
        assert out is not None
        os.set_blocking(out.fileno(), False)
        deadline = time.monotonic() + 240
        text = ""
        while time.monotonic() < deadline:
            text += out.readline()
            if text.endswith("\n"):
                return text.rstrip("\n")
            time.sleep(0.01)
        raise AssertionError(f"no line came, only {text!r}")

    def stop(self) -> str:
        self.process.terminate()
        return self.process.communicate(timeout=600)[1]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "door.log"


@pytest.fixture
def follow(log: Path) -> Iterator[Tail]:
    log.write_text("".join(LINE.format(i) for i in range(5)))
    tail = Tail(log, "-f", "-n", "2", "--json")
    yield tail
    tail.stop()


def message(tail: Tail) -> str:
    record = json.loads(tail.line())
    assert record["level"] == "WARN"
    return str(record["message"])


def test_follows_appends_rotation_and_truncation(log: Path, follow: Tail) -> None:
    assert [message(follow), message(follow)] == ["record 3", "record 4"]
    with log.open("a") as file:
        file.write(LINE.format(6)[:20])
        file.flush()
        file.write(LINE.format(6)[20:])
    assert message(follow) == "record 6"
    log.rename(log.with_suffix(".1"))
    with log.with_suffix(".1").open("a") as file:
        file.write(LINE.format(7))  # the writer has not noticed yet
    log.write_text(LINE.format(8))
    assert [message(follow), message(follow)] == ["record 7", "record 8"]
    # Truncated in place and written anew: shorter than before, whenever it is looked at.
    log.write_text("2024-05-01 10:00:09,000 WARN door: 9\n")
    assert message(follow) == "9"


def test_control_characters_are_neutralised_and_last_lines_counted(log: Path) -> None:
    log.write_text("x\n" * 100 + "2024-05-01 10:00:00 ERROR door: \x1b[2Jgone \u202eevil\n")
    tail = Tail(log, "-n", "1")
    out, _ = tail.process.communicate(timeout=600)
    assert out == "2024-05-01T10:00:00.000Z ERROR    door: \\x1b[2Jgone \\u202eevil\n"
    assert len(Tail(log, "-n", "30").process.communicate(timeout=600)[0].splitlines()) == 30


def test_formats_test_explains_rejects(log: Path) -> None:
    log.write_text('<34>1 - h a - - - ok\n<34>1 - bad\n{"msg": "other"}\n')
    out = subprocess.run(
        [sys.executable, "-m", "logforest", "formats", "test", str(log), "--format", "rfc5424",
         "--json"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    report = json.loads(out)
    assert report["records"][0]["service"] == "a"
    assert [
        (r["line"], r["reason"], r["formats_that_would_match"]) for r in report["rejected"]
    ] == [
        (2, "invalid_header", []),
        (3, "no_match", ["json"]),
    ]


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "logforest", "tail", str(tmp_path / "none")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No such file" in done.stderr


def test_the_header_of_a_table_is_known_at_its_end(log: Path) -> None:
    header = "#Fields: date time cs-method cs-uri-stem sc-status\n"
    log.write_text(header + "2024-05-01 10:00:00 GET /a 200\n" * 50)
    tail = Tail(log, "-f", "-n", "1", "--json")
    try:
        assert json.loads(tail.line())["endpoint"] == "/a"
        with log.open("a") as out:
            out.write("2024-05-01 10:00:01 PUT /b 500\n")
        shown = json.loads(tail.line())
        assert (shown["endpoint"], shown["status_code"]) == ("/b", 500)
        with log.open("a") as out:
            out.write("#Fields: sc-status date time\n404 2024-05-01 10:00:02\n")
        assert json.loads(tail.line())["status_code"] == 404
        with log.open("a") as out:
            out.write("403 2024-05-01 10:00:03\n")
        assert json.loads(tail.line())["status_code"] == 403
    finally:
        tail.stop()


def test_a_file_that_was_truncated_and_grew_past_the_place_of_reading(
    log: Path, follow: Tail
) -> None:
    assert [message(follow), message(follow)] == ["record 3", "record 4"]
    with log.open("r+") as file:  # as logrotate's copytruncate, and a program that writes on
        file.write("".join(LINE.format(i) for i in range(20, 40)))
        file.truncate()
    assert [message(follow) for _ in range(20)] == [f"record {i}" for i in range(20, 40)]
    with log.open("a") as file:
        file.write(LINE.format(41))
    assert message(follow) == "record 41"
    assert "truncated" in follow.stop()


def test_ctrl_c_ends_an_analysis_that_waits_for_input() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "logforest", "analyze", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(LINE.format(1).encode() * 10_000)  # more than a pipe holds: it reads
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=240)
    assert (process.returncode, process.stderr.read()) == (130, b"")
    process.stdin.close()
    process.stderr.close()
