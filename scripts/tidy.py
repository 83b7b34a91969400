"""``make tidy``: clang-tidy over every C++ file of the tree, on every core, changed files only.

A file found clean is remembered under ``build/tidy/clean`` with the digests of all it includes and
of the checks; it is looked at again only when one of them changes. Arguments name the files to
look at (default: all).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

BUILD = Path("build/tidy")
CLEAN = BUILD / "clean"


def digest(path: Path) -> str:
    """What stands in a file, as a short text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def included(entry: dict[str, str]) -> list[Path]:
    """The file of a compile command and the project's own files that it includes."""
    command = shlex.split(entry["command"])
    command = command[: command.index("-o")] + command[command.index("-c") + 1 :]
    rule = subprocess.run(
        [*command, "-MM"], cwd=entry["directory"], check=True, capture_output=True, text=True
    ).stdout
    return [Path(name) for name in rule.replace("\\\n", " ").split()[1:]]


def look(entry: dict[str, str], checks: str) -> tuple[bool, str]:
    """Whether one file is clean, and what was said of it ("" where nothing changed)."""
    source = Path(entry["file"])
    memory = CLEAN / f"{source.relative_to(Path.cwd())}.json"
    same = {"checks": checks, "command": entry["command"]}
    try:
        known = json.loads(memory.read_text())
        files = known.pop("files")
        if known == same and all(digest(Path(name)) == was for name, was in files.items()):
            return True, ""
    except (OSError, ValueError, KeyError):
        pass
    seen = {str(path): digest(path) for path in included(entry)}
    command = ["clang-tidy", "--quiet", "--warnings-as-errors=*", "-p", str(BUILD), str(source)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        return False, result.stdout + (result.stderr if not result.stdout else "")
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps({**same, "files": seen}))
    return True, "clean"


def main() -> int:
    """Look at the files; 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    entries = json.loads((BUILD / "compile_commands.json").read_text())
    if args.files:
        wanted = {str(path.resolve()) for path in args.files}
        entries = [entry for entry in entries if entry["file"] in wanted]
        if len(entries) != len(wanted):
            parser.error("not every named file is in the build")
    checks = digest(Path(".clang-tidy")) + digest(Path("tests/.clang-tidy"))
    found = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        running = {pool.submit(look, entry, checks): entry["file"] for entry in entries}
        for done in as_completed(running):
            clean, said = done.result()
            found += not clean
            if said:
                print(f"{os.path.relpath(running[done])}: {said}", flush=True)
    print(f"{len(entries)} files looked at, {found} with findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
