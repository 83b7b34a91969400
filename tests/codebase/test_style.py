"""Static checks are tests too: style, types, stubs, sizes, names that must not leak."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str) -> str:
    """Run a tool in the project's folder; its output is the failure message."""
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


def tracked(*patterns: str) -> list[Path]:
    """The files of the repository that match."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in names.split("\0") if name]


def test_ruff() -> None:
    run(sys.executable, "-m", "ruff", "check", "python", "tests", "benchmarks", "scripts")
    run(
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--check",
        "python",
        "tests",
        "benchmarks",
        "scripts",
    )


def test_mypy_strict() -> None:
    run(sys.executable, "-m", "mypy", "--config-file", "pyproject.toml")


def test_stubs_agree_with_the_module() -> None:
    run(
        sys.executable, "-m", "mypy.stubtest", "logforest._core",
        "--mypy-config-file", "pyproject.toml",
        "--allowlist", "tests/codebase/stubtest_allowlist.txt", "--ignore-unused-allowlist",
    )  # fmt: skip


def test_clang_format() -> None:
    sources = [str(p) for p in tracked("src/*.cpp", "src/*.hpp", "tests/*.cpp", "tests/*.hpp")]
    run(str(Path(sys.executable).with_name("clang-format")), "--dry-run", "--Werror", *sources)


def test_no_file_is_too_long() -> None:
    patterns = ("*.py", "*.pyi", "*.cpp", "*.hpp", "*.sql", "*.sh", "*.js", "*.css")
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked(*patterns)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 600
    }
    assert too_long == {}


def test_cpp_sources_are_ascii_and_the_core_never_prints() -> None:
    for path in tracked("src/*.cpp", "src/*.hpp"):
        text = path.read_text(encoding="utf-8")
        assert text.isascii(), path
        if "logforest/" in str(path.relative_to(ROOT)):
            assert not re.search(r"\b(printf|std::cout|std::cerr|abort|exit)\b\s*[(<]", text), path
            assert "Python.h" not in text, path
            assert "pybind11" not in text, path


def test_library_does_not_print() -> None:
    for path in tracked("python/logforest/*.py"):
        if path.name in ("serving.py",) or "cli" in path.parts:  # the voices of the commands
            continue
        assert not re.search(r"^\s*print\(", path.read_text(encoding="utf-8"), re.M), path


def test_versions_agree() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"', project, re.M)
    assert version is not None
    assert f"VERSION {version.group(1)} " in cmake


def test_import_is_light() -> None:
    code = (
        "import sys, logforest;"
        "heavy = {'pandas','polars','duckdb','fastapi','uvicorn','sklearn','typer','pyarrow'}"
        " & set(sys.modules); print(sorted(heavy)); sys.exit(bool(heavy))"
    )
    run(sys.executable, "-c", code)


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_documents_name_files_that_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:src|python|tests|benchmarks|scripts|docs|notebooks)/[\w./-]+)`", text)
    assert [p for p in paths if not (ROOT / p).exists()] == []
