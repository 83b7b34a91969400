"""The Python blocks of the README run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
COMMANDS = [
    line.partition("#")[0].split()[1:]
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.startswith("logforest ")
]


def test_readme_has_code() -> None:
    assert BLOCKS


@pytest.mark.parametrize("index", range(len(BLOCKS)))
def test_block_runs(index: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS[index]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_commands_have_the_options_that_are_shown() -> None:
    assert len(COMMANDS) >= 5
    for words in COMMANDS:
        names = words[:2] if words[0] == "formats" else words[:1]
        done = subprocess.run(
            [sys.executable, "-m", "logforest", *names, "--help"],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        for option in [word for word in words if word.startswith("-")]:
            assert re.search(rf"(^|[\s,]){re.escape(option)}[\s,]", done.stdout), (words, option)
