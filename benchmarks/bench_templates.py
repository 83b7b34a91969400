"""Template mining: lines/s on 200,000 made-up lines of two kinds, against Drain3 and drain-rs.

Drain3 and logparser3 come from PyPI (logparser3 takes a fortieth of the lines); drain-rs is a Rust
crate, built with cargo where there is one; Loki's Drain is built by scripts/bench_peers.sh. Ours
runs with its default masks. Equality: each of our groups must hold whole generated kinds of line,
so the number of groups is asserted, and one and two threads must give the same ids.

Run: .venv/bin/python benchmarks/bench_templates.py
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import log_lines
import numpy as np

from logforest import TemplateMiner

LINES = 200_000
PEER = Path(__file__).parent / "peers" / "drain_rs"
LOKI = Path(__file__).parents[1] / "build" / "peers" / "bin" / "loki_drain"
MASKS = [
    (r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)", "IP"),
    (r"((?<=[^A-Za-z0-9])|^)(0x[a-f0-9A-F]+)((?=[^A-Za-z0-9])|$)", "HEX"),
    (r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)", "NUM"),
]


def best(run: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def drain3_rate(lines: list[str], masks: bool) -> float | None:
    try:
        from drain3 import TemplateMiner as Drain3
        from drain3.masking import MaskingInstruction
        from drain3.template_miner_config import TemplateMinerConfig
    except ImportError:
        return None
    logging.getLogger("drain3").setLevel(logging.ERROR)
    config = TemplateMinerConfig()
    if masks:
        config.masking_instructions = [MaskingInstruction(p, w) for p, w in MASKS]
    sample = lines[: LINES // 4]

    def run() -> None:
        miner = Drain3(config=config)
        for line in sample:
            miner.add_log_message(line)

    return len(sample) / best(run, 1)


def logparser_rate(lines: list[str], name: str) -> float | None:
    """logparser3 reads and writes files; its own prints are swallowed."""
    try:
        module = importlib.import_module(f"logparser.{name}")
    except ImportError:
        return None
    sample = lines[: LINES // 40]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        (Path(folder) / "lines.log").write_text("\n".join(sample) + "\n")
        rex = [r"blk_-?\d+", r"(\d+\.){3}\d+(:\d+)?"]
        if name == "Drain":
            parser = module.LogParser("<Content>", indir=folder, outdir=folder, rex=rex)
        else:
            parser = module.LogParser(
                logname="bench", log_format="<Content>", indir=folder, outdir=folder, rex=rex
            )
        return len(sample) / best(lambda: parser.parse("lines.log"), 1)


def drain_rs_rate(lines: list[str], folder: Path, masks: bool) -> float | None:
    cargo = shutil.which("cargo")
    if cargo is None:
        return None
    build = [cargo, "build", "--quiet", "--release", "--target-dir", str(folder)]
    if subprocess.run(build, cwd=PEER, capture_output=True, check=False).returncode != 0:
        return None
    return peer_rate(
        [str(folder / "release" / "drain_rs_peer"), *(["masks"] if masks else [])], lines
    )


def peer_rate(command: list[str], lines: list[str]) -> float:
    """Lines a second of a program that reads them and prints its seconds first."""
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=True
    )
    return len(lines) / float(done.stdout.split()[0])


def loki_rate(lines: list[str]) -> float | None:
    return peer_rate([str(LOKI)], lines) if LOKI.exists() else None


def main() -> None:
    folder = Path(tempfile.gettempdir()) / "logforest_bench_drain_rs"
    print("M lines/s; x = ours at one thread / peer")
    for name, make, groups in (
        ("block store", log_lines.block_store, 10),
        ("supercomputer", log_lines.supercomputer, None),
    ):
        lines = make(LINES)
        ids = TemplateMiner(n_jobs=1).fit_transform(lines)
        assert np.array_equal(ids, TemplateMiner(n_jobs=2).fit_transform(lines))
        assert groups is None or len(np.unique(ids)) == groups
        bare = lambda: TemplateMiner(masks=(), n_jobs=1).fit_transform(lines)  # noqa: B023, E731  (called at once)
        one = LINES / best(lambda: TemplateMiner(n_jobs=1).fit_transform(lines), 5)  # noqa: B023  (called at once)
        two = LINES / best(lambda: TemplateMiner(n_jobs=2).fit_transform(lines), 5)  # noqa: B023  (called at once)
        without = LINES / best(bare, 5)
        print(
            f"{name:14s} logforest {one / 1e6:.2f} (2 threads {two / 1e6:.2f}, "
            f"no masks {without / 1e6:.2f}); {len(np.unique(ids))} templates"
        )
        for peer, rate, ours in (
            ("Drain3, masks", drain3_rate(lines, masks=True), one),
            ("Drain3, no masks", drain3_rate(lines, masks=False), without),
            ("drain-rs, masks", drain_rs_rate(lines, folder, masks=True), one),
            ("drain-rs, no masks", drain_rs_rate(lines, folder, masks=False), without),
            ("Loki's Drain", loki_rate(lines), one),
            ("logparser3 Drain", logparser_rate(lines, "Drain"), one),
            ("logparser3 Brain", logparser_rate(lines, "Brain"), one),
        ):
            shown = "not installed" if rate is None else f"{rate / 1e6:.3f}  x {ours / rate:.1f}"
            print(f"{'':14s} {peer:20s} {shown}")


if __name__ == "__main__":
    main()
