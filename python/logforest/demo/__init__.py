"""Traffic of a small shop for demos, tests and benchmarks, with labelled incidents.

Six services log with a daily and weekly rhythm, deployments and an hourly job; incidents of five
kinds (:data:`KINDS`) are written into it and returned as labels. Same arguments, same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypedDict, Unpack

from logforest.errors import ConfigError

if TYPE_CHECKING:
    from logforest.demo.incidents import Incident
    from logforest.demo.traffic import Traffic

__all__ = ["FORMATS", "KINDS", "generate", "plan", "stream"]

FORMATS = ("json", "logfmt", "rfc5424", "rfc3164", "apache_combined", "plain", "mixed")
KINDS = ("error_burst", "latency_drift", "credential_stuffing", "new_exception", "silent_service")
#: A Monday; the start of the demo where nobody gives one.
DEFAULT_START = datetime(2026, 1, 5, tzinfo=UTC)
_MAX_MINUTES = 366 * 1440
#: Share of the time before the first incident: what is usual comes first.
QUIET_SHARE = 0.4


class Options(TypedDict, total=False):
    """What :func:`plan`, :func:`stream` and :func:`generate` take besides ``records``."""

    hours: float | None
    start: datetime
    density: float
    seed: int
    format: str
    incidents: int
    quiet: float


def plan(
    records: int | None = None,
    *,
    hours: float | None = None,
    start: datetime = DEFAULT_START,
    density: float = 1200.0,
    seed: int = 0,
    format: str = "json",
    incidents: int = 1,
    quiet: float = QUIET_SHARE,
) -> Traffic:
    """Lay out the traffic without rendering it; see :func:`generate` for the arguments.

    >>> plan(1000, hours=2).incidents[0].kind in KINDS
    True
    """
    from logforest.demo.traffic import Traffic

    if format not in FORMATS:
        raise ConfigError(f"unknown format {format!r}: use one of {', '.join(FORMATS)}")
    if records is not None and records < 0:
        raise ConfigError(f"records must not be negative, got {records}")
    if not density > 0:
        raise ConfigError(f"density must be above 0 records per minute, got {density}")
    if not 0 <= quiet < 1:
        raise ConfigError(f"quiet must be a share from 0 to below 1, got {quiet}")
    if incidents < 0:
        raise ConfigError(f"incidents must not be negative, got {incidents}")
    if start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    if hours is None:
        minutes = 24 * 60 if records is None else max(1, round(records / density))
    else:
        minutes = round(hours * 60)
    if not 1 <= minutes <= _MAX_MINUTES:
        raise ConfigError(f"the time must be between one minute and a year, got {minutes} minutes")
    return Traffic(
        start=start.astimezone(UTC).replace(second=0, microsecond=0),
        minutes=minutes,
        records=records,
        density=density,
        seed=seed,
        fmt=format,
        incidents=incidents,
        quiet=quiet,
    )


def stream(
    records: int | None = None, **options: Unpack[Options]
) -> tuple[Iterator[bytes], list[Incident]]:
    """As :func:`generate`, but the text comes in blocks of whole lines (about 60,000 each)."""
    traffic = plan(records, **options)
    return traffic.blocks(), traffic.incidents


def generate(
    records: int | None = None, **options: Unpack[Options]
) -> tuple[bytes, list[Incident]]:
    """Make log text and the list of its incidents.

    Parameters
    ----------
    records : exactly this many lines; None: as many as the time holds at ``density``.
    hours : length of the traffic; None: ``records / density`` minutes, or 24 hours.
    start : first minute, UTC.
    density : mean records per minute of all services together (the rhythm goes around it).
    seed : same seed, same bytes.
    format : one of :data:`FORMATS`. ``apache_combined`` has requests only and names no service.
    incidents : how many of each kind; traffic of less than an hour has none.
    quiet : share of the time that is over before the first of them.

    Examples
    --------
    >>> text, labels = generate(5000, hours=3, seed=7)
    >>> text.count(b"\\n"), sorted({label.kind for label in labels}) == sorted(KINDS)
    (5000, True)
    """
    blocks, labels = stream(records, **options)
    return b"".join(blocks), labels


def live_start(minutes: float) -> datetime:
    """A start such that the traffic ends now."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return now - timedelta(minutes=minutes)
