"""The examples in docstrings run and are true; every public name has one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import logforest

PACKAGE = Path(logforest.__file__).parent

# In a process of its own: some examples register formats. Those of public names stand alone, as a
# reader copies them; those of internal functions may use their module's names.
RUN = """
import doctest, importlib, inspect, sys
import logforest
flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(optionflags=flags)
missing = []
for name in logforest.__all__:
    thing = getattr(logforest, name)
    if isinstance(thing, str):
        continue
    module = sys.modules.get(thing.__module__)
    tests = [t for t in finder.find(thing, name, module=module, globs={}) if t.examples]
    if not tests:
        missing.append(name)
    for test in tests:
        runner.run(test)
public = runner.tries
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    for test in finder.find(module, name):
        runner.run(test)
print("missing:", *missing)
print("failed:", runner.failures, "of", runner.tries, "public:", public)
"""


def test_examples_run_and_every_public_name_has_one(tmp_path: Path) -> None:
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in sorted(PACKAGE.rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]
    assert len(modules) > 30
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, *modules],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    *report, missing, failed = done.stdout.splitlines()
    assert failed.startswith("failed: 0 of"), "\n".join(report)[-6000:]
    assert missing == "missing:"
