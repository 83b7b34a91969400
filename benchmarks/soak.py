"""Memory of `logforest up` under full load: RSS every 20 seconds.

The records carry no time of their own, as from a shipper that leaves it to the server: they are
of now, so that windows, detection and the store move on as in a service that lives.

python benchmarks/soak.py [MINUTES]
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from logforest import demo
from logforest.testing.service import UpProcess

MINUTES = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
_EVERY_SECONDS = 20.0


def rss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "load.ndjson"
        file.write_bytes(re.sub(rb'"timestamp":"[^"]*",?', b"", demo.generate(400_000)[0]))
        with UpProcess(Path(name) / "data") as up:
            assert up.process is not None
            load = subprocess.Popen(
                [
                    sys.executable,
                    str(Path(__file__).with_name("load.py")),
                    up.url,
                    str(file),
                    "4",
                    str(MINUTES * 60),
                ],
                stdout=subprocess.PIPE,
            )
            series = []
            while load.poll() is None:
                time.sleep(min(_EVERY_SECONDS, MINUTES * 6))
                series.append(rss_mb(up.process.pid))
                print(f"{len(series):4} {series[-1]:8.0f} MB", flush=True)
            assert load.stdout is not None
            sent = json.loads(load.stdout.read())
            assert up.stop() == 0
    rate = sent["records"] / sent["seconds"]
    half = max(1, len(series) // 2)
    first, last = max(series[:half]), max(series[half:] or series)
    print(f"{rate:,.0f} logs/s; RSS at most {first:.0f} MB, then {last:.0f} MB in the second half")


if __name__ == "__main__":
    main()
