"""Values of filters as people write them: times and status codes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from logforest.errors import ConfigError

__all__ = ["parse_time", "status_range"]

_RELATIVE = re.compile(r"-?(\d+)(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_STATUS = re.compile(r"(\d{3})(?:-(\d{3}))?|([1-5])xx", re.IGNORECASE)


def parse_time(name: str, text: str | None, now: datetime | None = None) -> datetime | None:
    """ISO 8601, seconds or milliseconds since 1970, or ``15m`` (that long ago); UTC by default.

    >>> parse_time("since", "2026-01-31T12:00:00+01:00").isoformat()
    '2026-01-31T12:00:00+01:00'
    """
    if text is None or not text.strip():
        return None
    text = text.strip()
    relative = _RELATIVE.fullmatch(text)
    try:
        if relative is not None:
            seconds = int(relative[1]) * _SECONDS[relative[2]]
            return (now or datetime.now(UTC)) - timedelta(seconds=seconds)
        if re.fullmatch(r"\d+(\.\d+)?", text) and len(text.partition(".")[0]) > 8:
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
        # A + that a client did not escape arrives as a space.
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"{name}: {text[:50]!r} is no time; use 2026-01-31T12:00:00Z or 15m"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def status_range(status: str | None) -> tuple[int | None, int | None]:
    """``404``, ``400-499`` or ``5xx`` as the least and the greatest.

    >>> status_range("5xx")
    (500, 599)
    """
    if status is None or not status.strip():
        return None, None
    match = _STATUS.fullmatch(status.strip())
    if match is None:
        raise ConfigError(f"status: {status[:20]!r} is none of 404, 400-499, 5xx")
    if match[3]:
        return int(match[3]) * 100, int(match[3]) * 100 + 99
    return int(match[1]), int(match[2] or match[1])
