"""``make run``: the embedded server with the demo in it, from one command.

Starts ``logforest up`` on ``data/`` in the background (or finds it running), feeds it the fixed
demo through HTTP once, and prints the address and the first anomalies with their reasons.
Running it again is quick: what is stored stays, and nothing is fed twice.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

DATA = Path("data")
PID = DATA / "up.pid"
LOG = DATA / "up.log"
FED = DATA / "demo.fed"
LOGFOREST = str(Path(sys.executable).with_name("logforest"))


def get(url: str, timeout: float = 10) -> object:
    """Fetch and decode JSON."""
    with urllib.request.urlopen(url, timeout=timeout) as reply:
        return json.load(reply)


def ready(base: str) -> bool:
    """Whether a server answers that it is ready."""
    try:
        get(f"{base}/health/ready", timeout=2)
    except (OSError, ValueError):
        return False
    return True


def running_pid() -> int | None:
    """The process started by an earlier call, if it is alive."""
    try:
        pid = int(PID.read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    return pid


def start(base: str, host: str, port: int) -> None:
    """Start the server unless it runs; wait until it is ready or has failed."""
    if running_pid() is not None and ready(base):
        return
    DATA.mkdir(exist_ok=True)
    with LOG.open("ab") as log:
        process = subprocess.Popen(
            [LOGFOREST, "up", "--host", host, "--port", str(port), "--data", str(DATA)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    PID.write_text(str(process.pid))
    deadline = time.monotonic() + 60
    while not ready(base):
        if process.poll() is not None:
            PID.unlink(missing_ok=True)
            tail = LOG.read_text(errors="replace").strip().splitlines()[-3:]
            sys.exit("logforest did not start: " + " | ".join(tail))
        if time.monotonic() > deadline:
            sys.exit(f"logforest is not ready after 60 s: see {LOG}")
        time.sleep(0.1)


def stop() -> None:
    """End the server started by an earlier call; it drains first."""
    pid = running_pid()
    if pid is None:
        print("not running")
        return
    os.kill(pid, signal.SIGTERM)
    while running_pid() is not None:
        time.sleep(0.1)
    PID.unlink(missing_ok=True)
    print("stopped")


def feed(base: str) -> None:
    """Feed the fixed demo once."""
    if FED.exists():
        return
    subprocess.run([LOGFOREST, "demo", "--fixed", "--url", base], check=True)
    FED.touch()


def first_anomalies(base: str, count: int) -> list[dict[str, object]]:
    """The newest grave anomaly of each kind and service, then others; detection follows the commit,
    so wait for it a little."""
    deadline = time.monotonic() + 60
    while True:
        page = get(f"{base}/api/v1/anomalies?limit=500&severity=critical&severity=high")
        items = page["items"] if isinstance(page, dict) else page
        if items or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    first: dict[tuple[object, object], dict[str, object]] = {}
    for item in items:
        first.setdefault((item["kind"], item["service"]), item)
    return (list(first.values()) + [i for i in items if i not in first.values()])[:count]


def main() -> None:
    """Run the demo server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    parser.add_argument("--stop", action="store_true")
    arguments = parser.parse_args()
    if arguments.stop:
        stop()
        return
    base = f"http://{arguments.host}:{arguments.port}"
    start(base, arguments.host, arguments.port)
    feed(base)
    print(f"\nlogforest is running at {base}/  (stop it with: make stop)\n")
    for anomaly in first_anomalies(base, 8):
        print(
            f"{anomaly['timestamp']}  {anomaly['severity']:<8}  {anomaly['service']:<12}  "
            f"{anomaly['reason']}"
        )


if __name__ == "__main__":
    main()
