"""``logforest demo``: traffic of a small shop, to a file, a pipe or a running server."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import typer

from logforest.errors import ConfigError

if TYPE_CHECKING:
    from logforest.demo.incidents import Incident
    from logforest.demo.live import Live
    from logforest.demo.traffic import Traffic


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("demo")(demo)


def demo(
    records: int | None = typer.Option(
        None, "--records", "-n", min=1, help="Exactly this many records."
    ),
    hours: float | None = typer.Option(
        None, "--hours", min=0.02, help="Length of the traffic (--live: of the past before it, 2)."
    ),
    days: float | None = typer.Option(None, "--days", min=0.01, help="The same in days."),
    start: str | None = typer.Option(
        None, "--start", help="First minute, ISO 8601, UTC (default: such that it ends now)."
    ),
    density: float = typer.Option(1200.0, "--density", help="Mean records per minute of the shop."),
    format_: str = typer.Option(
        "json",
        "--format",
        "-f",
        help="json, logfmt, rfc5424, rfc3164, apache_combined, plain or mixed.",
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="Same seed and start, same bytes."),
    incidents: int = typer.Option(
        1, "--incidents", min=0, help="How many of each kind (--live: in every 150 minutes)."
    ),
    live: bool = typer.Option(
        False, "--live", help="Without end, by the clock, until Ctrl-C; the past hours come first."
    ),
    fixed: bool = typer.Option(
        False, "--fixed", help="The frozen set: seed 0 from Monday 2026-01-05, unless told."
    ),
    output: str = typer.Option("-", "--output", "-o", help="A file, or - for standard output."),
    labels: Path | None = typer.Option(
        None, "--labels", help="Write the incidents (kind, service, start, end) here as JSON."
    ),
    url: str | None = typer.Option(
        None, "--url", help="Post NDJSON bodies to this server instead of writing."
    ),
    api_key: str | None = typer.Option(
        None, "--api-key", envvar="LOGFOREST_API_KEY", help="Sent as X-API-Key."
    ),
    rate: float | None = typer.Option(
        None,
        "--rate",
        help="At most this many records a second (default: as fast as possible; "
        "--live: the mean, instead of --density).",
    ),
    json_: bool = typer.Option(False, "--json", help="Print the summary as JSON (on stderr)."),
) -> None:
    """Generate logs of six services with rhythm, deployments and labelled incidents."""
    from logforest import demo as traffic_demo
    from logforest.demo.live import Live

    if hours is not None and days is not None:
        raise ConfigError("give --hours or --days, not both")
    if rate is not None and not rate > 0:
        raise ConfigError(f"--rate must be above 0 records a second, got {rate}")
    if url is not None and format_ != "json":
        raise ConfigError("--url posts NDJSON: leave --format at json")
    length = days * 24 if days is not None else hours
    if live:
        if records is not None or start is not None or fixed:
            raise ConfigError(
                "--live begins now and has no end: leave out --records, --start, --fixed"
            )
        endless = Live(
            hours=2.0 if length is None else length,
            density=density if rate is None else rate * 60,
            seed=seed,
            format=format_,
            incidents=incidents,
            on_incident=lambda incident: _tell(endless, incident, labels),
        )
        _run_live(endless, url, api_key, output, json_)
        return
    if not density > 0:
        raise ConfigError(f"--density must be above 0 records a minute, got {density}")
    if start is not None:
        first = _parse_start(start)
    elif fixed:
        first = traffic_demo.DEFAULT_START
    else:
        minutes = (length or (24 if records is None else records / density / 60)) * 60
        first = traffic_demo.live_start(minutes)
    traffic = traffic_demo.plan(
        records,
        hours=length,
        start=first,
        density=density,
        seed=seed,
        format=format_,
        incidents=incidents,
    )
    if labels is not None:
        _write_labels(labels, traffic.incidents, deployments=len(traffic.deployments))
    began = time.perf_counter()
    blocks = _paced(traffic.blocks(), rate)
    if url is not None:
        from logforest.demo.post import post_ndjson

        sent = post_ndjson(url, blocks, api_key=api_key)
    else:
        sent = _write(output, blocks)
    _report(traffic, sent, began, json_=json_, quiet=url is None and output == "-")


def _report(traffic: Traffic | Live, sent: int, began: float, *, json_: bool, quiet: bool) -> None:
    seconds = time.perf_counter() - began
    incidents = traffic.incidents
    if json_:
        summary = {
            "records": traffic.records,
            "bytes": sent,
            "seconds": round(seconds, 3),
            "incidents": len(incidents),
            "start": incidents[0].to_dict()["start"] if incidents else None,
        }
        print(json.dumps(summary), file=sys.stderr)
    elif not quiet:
        print(
            f"{traffic.records:,} records ({sent / 1e6:,.1f} MB) in {seconds:.1f} s, "
            f"{len(incidents)} incidents",
            file=sys.stderr,
        )


def _run_live(
    traffic: Live, url: str | None, api_key: str | None, output: str, json_: bool
) -> None:
    """Until Ctrl-C or SIGTERM, or until nobody reads on."""
    began, sent = time.perf_counter(), 0

    def counted() -> Iterator[bytes]:
        nonlocal sent
        for block in traffic.blocks():
            yield block
            sent += len(block)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        if url is not None:
            from logforest.demo.post import post_ndjson

            _say(f"the past from {traffic.start:%Y-%m-%d %H:%M} UTC on, then live until Ctrl-C")
            post_ndjson(url, counted(), api_key=api_key, on_away=_away)
        else:
            _write(output, counted())
    _report(traffic, sent, began, json_=json_, quiet=url is None and output == "-")


def _away(reason: str) -> None:
    _say(f"the server is away ({reason}); waiting for it, nothing is left out")


def _tell(traffic: Live, incident: Incident, labels: Path | None) -> None:
    _say(f"{incident.start:%H:%M} {incident.kind} of {incident.service} until {incident.end:%H:%M}")
    if labels is not None:
        _write_labels(labels, traffic.incidents)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write_labels(path: Path, incidents: list[Incident], **more: object) -> None:
    document = {"incidents": [incident.to_dict() for incident in incidents], **more}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _parse_start(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--start {text!r} is not an ISO 8601 time") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _write(output: str, blocks: Iterator[bytes]) -> int:
    sent = 0
    target: IO[bytes]
    # A pipe that the reader closed is not our error: `logforest demo | head`.
    with nullcontext(sys.stdout.buffer) if output == "-" else open(output, "wb") as target:
        try:
            for block in blocks:
                target.write(block)
                target.flush()
                sent += len(block)
        except BrokenPipeError:
            import os

            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return sent


def _paced(blocks: Iterator[bytes], rate: float | None) -> Iterator[bytes]:
    """Cuts blocks so that each takes about a tenth of a second at ``rate`` records a second."""
    if rate is None:
        yield from blocks
        return
    step = max(1, int(rate / 10))
    began = time.perf_counter()
    sent = 0
    for block in blocks:
        lines = block.splitlines(keepends=True)
        for first in range(0, len(lines), step):
            part = lines[first : first + step]
            ahead = sent / rate - (time.perf_counter() - began)
            if ahead > 0:
                time.sleep(ahead)
            yield b"".join(part)
            sent += len(part)
