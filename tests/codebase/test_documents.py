"""What the documents name is there: files, links, tasks, commands and their options, settings."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from logforest.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/*.md")),
]
FILE = r"[\w./*-]+\.(?:py|hpp|cpp|sql|lua|md|sh|txt|yaml|lfm|\*)"


def files() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return {*listed, *(str(folder) for name in listed for folder in Path(name).parents)}


def marked(text: str) -> list[str]:
    """The words of everything in backticks on one line."""
    return [word for part in re.findall(r"`([^`\n]+)`", text) for word in part.split()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_links_and_tasks_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert link.startswith("http") or (path.parent / link).exists(), link
    known = files()
    for word in marked(text):
        if re.fullmatch(FILE, word) or re.fullmatch(
            r"(src|python|tests|docs|scripts)/[\w./]+", word
        ):
            name = word.rstrip("/")
            assert any(fnmatch(one, name) or fnmatch(one, f"*/{name}") for one in known), word
    tasks = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    for task in re.findall(r"\bmake ([a-z]+)(?=[ `])", "\n".join(re.findall(r"`[^`\n]+`", text))):
        assert task in tasks, task


def commands() -> dict[tuple[str, ...], set[str]]:
    """Commands in the code blocks of the documents, and the options that they are shown with."""
    found: dict[tuple[str, ...], set[str]] = {}
    for path in DOCUMENTS:
        for block in re.findall(r"```\w*\n(.*?)```", path.read_text(encoding="utf-8"), re.S):
            for line in re.findall(r"^logforest (.*)", block, re.M):
                words = line.partition("#")[0].split()
                named = tuple(word for word in words[:2] if re.fullmatch(r"[a-z]+", word))
                found.setdefault(named, set()).update(w for w in words if w.startswith("-"))
    return found


def test_commands_have_the_options_that_are_shown() -> None:
    shown = commands()
    assert len(shown) > 15
    for named, options in shown.items():
        done = subprocess.run(
            [sys.executable, "-m", "logforest", *named, "--help"],
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, (named, done.stderr)
        for option in options:
            assert re.search(rf"(^|[\s,]){re.escape(option)}[\s,]", done.stdout), (named, option)


def test_settings_have_the_defaults_that_are_shown() -> None:
    text = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|([^|]*)\|", text.split("## Settings")[1], re.M)
    shown = 0
    for names, value in rows:
        for name, default in zip(
            re.findall(r"`(\w+)`", names), value.strip(" `").split(" and ") * 2, strict=False
        ):
            if name not in Settings.model_fields:
                break  # the next table
            shown += 1
            is_default = Settings.model_fields[name].default
            assert default.replace(",", "") == (f"{is_default:g}" if isinstance(is_default, float)
                                                else str(is_default or "")), name  # fmt: skip
    assert shown >= 14
