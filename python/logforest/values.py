"""Values as people write them: times and lengths of time, names, levels, whole numbers."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, cast

from logforest.errors import ConfigError

__all__ = [
    "ALERT_STATES",
    "CATEGORIES",
    "LEVELS",
    "SEVERITIES",
    "When",
    "instant",
    "names",
    "one_of",
    "parse_duration",
    "parse_time",
    "status_range",
    "whole",
]

#: A moment as callers give it, see :func:`instant`.
When: TypeAlias = datetime | date | str | float | None

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")
CATEGORIES = ("General", "Business", "Performance", "Security")
SEVERITIES = ("low", "medium", "high", "critical")
ALERT_STATES = ("open", "acknowledged", "resolved")
_LEVEL_ALIASES = {"WARNING": "WARN", "ERR": "ERROR", "CRIT": "CRITICAL", "FATAL": "CRITICAL"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = 2**63

_RELATIVE = re.compile(r"-?(\d+)(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_DURATION = re.compile(r"\s*(\d+)\s*([a-z]+)\s*")
_STATUS = re.compile(r"(\d{3})(?:-(\d{3}))?|([1-5])xx", re.IGNORECASE)


def parse_time(name: str, text: str | None, now: datetime | None = None) -> datetime | None:
    """ISO 8601, s, ms, us or ns since 1970, or ``15m`` (that long ago); UTC by default.

    >>> parse_time("since", "2026-01-31T12:00:00+01:00").isoformat()
    '2026-01-31T12:00:00+01:00'
    >>> parse_time("since", "1769860800000").isoformat()
    '2026-01-31T12:00:00+00:00'
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
            return _since_1970(Decimal(text))
        # A + that a client did not escape arrives as a space.
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"{name}: {text[:50]!r} is no time; use 2026-01-31T12:00:00Z or 15m"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _since_1970(number: Decimal) -> datetime:
    """The unit is told by the size: years 1973 to 5138 in s, ms, us and ns do not overlap."""
    unit = 1_000_000
    while number > 1e11 * 1_000_000 / unit and unit > 1:
        unit //= 1000
    us = number / 1000 if number > 1e17 else number * unit
    return _EPOCH + timedelta(microseconds=int(us))


def instant(name: str, value: object) -> datetime | None:
    """An aware datetime of what a caller may take for a time; None stays None.

    Datetimes (pandas's too), dates, ``numpy.datetime64``, Arrow scalars, and text or numbers as of
    :func:`parse_time`. What has no zone is UTC.

    >>> instant("since", date(2026, 1, 31)).isoformat()
    '2026-01-31T00:00:00+00:00'
    """
    if value is None or isinstance(value, str):
        return parse_time(name, value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return parse_time(name, f"{Decimal(value):f}")
    if hasattr(value, "as_py"):  # pyarrow
        value = value.as_py()
    elif hasattr(value, "astype"):  # numpy
        value = value.astype("datetime64[us]").item()
    if str(value) == "NaT":  # pandas's is a datetime
        pass
    elif hasattr(value, "to_pydatetime"):  # pandas
        moment: datetime = cast(Any, value).floor("us").to_pydatetime()
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    elif isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ConfigError(f"{name}: {value!r} is no time; use a datetime or 2026-01-31T12:00:00Z")


def parse_duration(value: str | timedelta) -> int:
    """Microseconds of ``"500ms"``, ``"30s"``, ``"5m"``, ``"1h"``, ``"1w"`` or a timedelta.

    >>> parse_duration("5m")
    300000000
    """
    if hasattr(value, "astype"):  # numpy.timedelta64
        value = value.astype("timedelta64[us]").item()
    if isinstance(value, timedelta):
        return int(value // timedelta(microseconds=1))
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _MICROSECONDS:
        units = ", ".join(_MICROSECONDS)
        raise ConfigError(f'{value!r} is no duration: write a number and a unit ({units}), as "5m"')
    us = int(match[1]) * _MICROSECONDS[match[2]]
    if not 0 < us < 2**62:
        raise ConfigError(f"{value!r} is no duration of a window: it must be positive and sane")
    return us


def names(name: str, value: object) -> tuple[str, ...]:
    """Several names; one may come alone, None is none.

    >>> names("service", "api"), names("service", ["api", "web"]), names("service", None)
    (('api',), ('api', 'web'), ())
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Iterable):
        found = tuple(value)
        if all(isinstance(one, str) for one in found):
            return found
    raise ConfigError(f"{name}: give a name or a list of names, not {value!r}")


def one_of(name: str, values: str | Sequence[str] | None, allowed: Sequence[str]) -> list[str]:
    """The allowed spellings of ``values``; ConfigError names what is allowed."""
    by_key = {value.upper(): value for value in allowed} | _LEVEL_ALIASES
    out = []
    for value in names(name, values):
        found = by_key.get(value.upper())
        if found is None or found not in allowed:
            raise ConfigError(f"{name}: {value!r} is none of {', '.join(allowed)}")
        out.append(found)
    return out


def whole(name: str, value: object, least: int = -_INT64) -> int:
    """A whole number that stores can hold, of any integer type."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ConfigError(f"{name}: {value!r} is not a whole number") from None
    if not least <= number < _INT64:
        raise ConfigError(f"{name}: {number} is not between {least} and {_INT64 - 1}")
    return number


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
    low, high = int(match[1]), int(match[2] or match[1])
    if low > high:
        raise ConfigError(f"status: {status[:20]!r} is empty; did you mean {high}-{low}?")
    return low, high
