"""``logforest demo --live`` as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from logforest.testing.service import UpProcess

COMMAND = [sys.executable, "-m", "logforest", "demo", "--live"]


def total(up: UpProcess, filters: str = "") -> int:
    return int(up.get("/api/v1/logs?limit=1" + filters)["total"])


def test_live_traffic_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    with UpProcess(tmp_path / "data") as up:
        options = ["--url", up.url, "--hours", "0.5", "--rate", "20", "--json"]
        process = subprocess.Popen([*COMMAND, *options], stderr=subprocess.PIPE, text=True)
        try:
            up.wait_for(lambda: total(up, "&sinceMinutes=1") > 0)  # the past is over
            past = total(up)
            assert past > 1000
            up.wait_for(lambda: total(up) > past + 50)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=600)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 0
        summary = json.loads(told.splitlines()[-1])
        # The last body may have been cut off before its answer.
        assert 0 <= summary["records"] - total(up) <= 1000
        assert "until Ctrl-C" in told
        assert up.stop() == 0


def test_what_makes_no_sense_together_is_refused(tmp_path: Path) -> None:
    for option in (["--records", "5"], ["--fixed"], ["--start", "2026-01-01"]):
        done = subprocess.run(
            [*COMMAND, *option], check=False, capture_output=True, text=True, timeout=600
        )
        assert done.returncode != 0
        assert "--live begins now" in done.stderr


def test_nobody_listens(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--url", "http://127.0.0.1:9"],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode != 0
    assert "cannot post" in done.stderr
