"""klog and the usual layouts of Log4j and Logback in plain Python, one regular expression each."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

_DAY_US = 86_400_000_000
_KLOG_LEVELS = {"D": "DEBUG", "I": "INFO", "W": "WARN", "E": "ERROR", "F": "CRITICAL"}
# Source: klog's header, "Lmmdd hh:mm:ss.uuuuuu threadid file:line] msg"; glog 0.5 writes yyyymmdd.
_KLOG = re.compile(
    r"(?P<level>[DIWEF])(?P<year>\d{4})?(?P<month>\d\d)(?P<day>\d\d) "
    r"(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)(?:\.(?P<fraction>\d*+))?+[ \t]*+"
    r"(?P<thread>\d++)[ \t]*+(?P<caller>[^\]]{0,255}:\d+)\] ?(?P<message>.*)",
    re.ASCII,
)


def latest_date(month: int, day: int, now: dt.datetime) -> dt.datetime | None:
    """Midnight of the latest such day that is at most a week ahead of ``now``."""
    for year in range(now.year + 1, now.year - 9, -1):
        try:
            found = dt.datetime(year, month, day, tzinfo=dt.UTC)
        except ValueError:
            continue
        if found <= now + dt.timedelta(days=7):
            return found
    return None


def klog_record(line: str, now: dt.datetime) -> dict[str, Any] | None:
    """The columns of one klog line, or None."""
    match = _KLOG.fullmatch(line)
    if match is None or len(line.encode()) < 24:
        return None
    hours, minutes, seconds = (int(match[name]) for name in "hms")
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    digits = (match["fraction"] or "")[:6].ljust(6, "0")
    clock = dt.timedelta(
        hours=hours, minutes=minutes, seconds=seconds, microseconds=int(digits or 0)
    )
    month, day = int(match["month"]), int(match["day"])
    if match["year"]:
        try:
            date = dt.datetime(int(match["year"]), month, day, tzinfo=dt.UTC)
        except ValueError:
            return None
        stamp = date + clock
    else:
        found = latest_date(month, day, now - clock)
        if found is None:
            return None
        stamp = found + clock
    metadata: dict[str, Any] = {"caller": match["caller"]}
    if len(match["thread"]) <= 18:
        metadata["thread"] = int(match["thread"])
    return {
        "timestamp": stamp,
        "level": _KLOG_LEVELS[match["level"]],
        "message": match["message"].strip(" \t\r"),
        "metadata": metadata,
    }


_LEVELS = {
    "TRACE": "DEBUG", "DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARN", "WARNING": "WARN",
    "ERROR": "ERROR", "FATAL": "CRITICAL", "SEVERE": "ERROR", "CONFIG": "INFO", "FINE": "DEBUG",
}  # fmt: skip
_STAMP = r"(?P<stamp>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[,.]\d{3})?)"
_LEVEL = rf"(?P<level>{'|'.join(_LEVELS)})"
_LOGGER = r"(?P<logger>[A-Za-z_][\w.$]*)"
_THREAD = r"\[(?P<thread>[^\]]+)\]"
_MESSAGE = "(?P<message>.*)"
#: Layouts by name: conversion pattern -> expression.
LAYOUTS = {
    "%d [%t] %-5p %c - %m": rf"{_STAMP} {_THREAD} {_LEVEL} +{_LOGGER} - {_MESSAGE}",
    "%d %-5p [%t] %c - %m": rf"{_STAMP} {_LEVEL} +{_THREAD} {_LOGGER} - {_MESSAGE}",
    "%d %p [%t] %c: %m": rf"{_STAMP} {_LEVEL} {_THREAD} {_LOGGER}: {_MESSAGE}",
    "%d %-5p %c:%L - %m": rf"{_STAMP} {_LEVEL} +(?P<caller>[A-Za-z_][\w.$]*:\d+) - {_MESSAGE}",
    "spring": (
        rf"{_STAMP} +{_LEVEL} (?P<pid>\d+) --- \[ *(?P<thread>[^\]]*?)\] {_LOGGER} *: {_MESSAGE}"
    ),
}


def layout_record(layout: str, line: str) -> dict[str, Any] | None:
    """The columns of one line of a layout of :data:`LAYOUTS`, or None."""
    match = re.fullmatch(LAYOUTS[layout], line, re.ASCII)
    if match is None:
        return None
    text = match["stamp"].replace(",", ".").replace("T", " ")
    try:
        stamp = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    found = match.groupdict()
    metadata: dict[str, Any] = {
        name: found[name].strip() for name in ("logger", "thread", "caller") if found.get(name)
    }
    if found.get("pid"):
        metadata["pid"] = int(found["pid"])
    return {
        "timestamp": stamp,
        "level": _LEVELS[match["level"]],
        "service": found.get("logger"),
        "message": match["message"].strip(" \t\r"),
        "metadata": metadata,
    }
