"""Fortinet's key=value logs in plain Python, after the header of the FortiOS log reference."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from typing import Any

_UTC = dt.UTC
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=_UTC)
# key=value, value without blanks; or key="value", where a backslash keeps what follows it.
_PAIR = re.compile(
    r'[ \t]*([^= \t"]+)=(?:"((?:[^"\\]|\\.)*)"(?=[ \t]|$)|([^ \t"][^ \t]*|(?=[ \t]|$)))'
)
_BEGIN = re.compile(r'date=("?)[0-9].{3}-.{5}\1 time=.', re.ASCII | re.DOTALL)
_LEVELS = {
    "emergency": "CRITICAL", "alert": "CRITICAL", "critical": "CRITICAL", "error": "ERROR",
    "warning": "WARN", "notice": "INFO", "information": "INFO", "debug": "DEBUG",
}  # fmt: skip
#: What a column or a part of one is made of; all else is metadata.
_TAKEN = {"date", "time", "eventtime", "tz", "msg", "devname", "srcip", "level", "pri",
          "user", "url", "httpmethod", "httpcode"}  # fmt: skip


def pairs(text: str) -> dict[str, str] | None:
    """The fields in order, or None where the text is not made of pairs."""
    found: dict[str, str] = {}
    at, end = 0, len(text.rstrip(" \t"))
    while at < end:
        match = _PAIR.match(text, at)
        if match is None:
            return None
        key, quoted, plain = match.groups()
        found[key] = plain if quoted is None else re.sub(r'\\(["\\])', r"\1", quoted)
        at = match.end()
    return found


def event_time(digits: str) -> dt.datetime | None:
    """Seconds, or ms, us, ns by their size; what is too small is no time."""
    if not re.fullmatch(r"[0-9]{9,19}", digits) or int(digits) < 10**8:
        return None
    number, unit = int(digits), 0
    while number >= 10 ** (11 + 3 * unit) and unit < 3:
        unit += 1
    return _EPOCH + dt.timedelta(microseconds=number * 10**6 // 10 ** (3 * unit))


def local_time(fields: dict[str, str]) -> dt.datetime | None:
    """``date`` and ``time`` in the zone ``tz`` ("+0200"), without one in UTC."""
    zone = fields.get("tz", "")
    text = f"{fields.get('date', '')}T{fields.get('time', '')}"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text, re.ASCII):
        return None
    try:
        return dt.datetime.fromisoformat(text + (zone or "+0000")).astimezone(_UTC)
    except (ValueError, OverflowError):
        return None


def fortigate_record(line: str) -> dict[str, Any] | None:
    """The columns of one line, or None."""
    metadata: dict[str, Any] = {}
    if match := re.match(r"<(\d{1,3})>", line, re.ASCII):
        if int(match[1]) > 191:
            return None
        metadata = {"facility": int(match[1]) // 8, "severity": int(match[1]) % 8}
        line = line[match.end() :]
    fields = pairs(line) if _BEGIN.match(line) else None
    if fields is None:
        return None
    stamp = event_time(fields.get("eventtime", "")) or local_time(fields)
    if stamp is None:
        return None
    shown = {key: value for key, value in fields.items() if value not in ("", "N/A")}
    metadata |= {
        key: value for key, value in fields.items() if key not in _TAKEN or key not in shown
    }
    client = shown.get("srcip", shown.get("remip", ""))
    try:
        address: str | None = str(client) if ipaddress.ip_address(client) else None
    except ValueError:
        address = None
        if "srcip" in shown:
            metadata["srcip"] = shown["srcip"]
    status = int(shown["httpcode"]) if "httpcode" in shown else 0
    by_status = "ERROR" if status >= 500 else "WARN" if status >= 400 else "INFO"
    words = (shown.get(key) for key in ("type", "subtype", "action"))
    return {
        "timestamp": stamp,
        "level": _LEVELS.get(shown.get("level", shown.get("pri", "")), by_status),
        "service": "fortigate",
        "source": shown.get("devname", shown.get("devid", shown.get("device_id", "fortigate"))),
        "message": shown.get("msg", shown.get("logdesc", " ".join(w for w in words if w))),
        "ip_address": address,
        "user_id": shown.get("user"),
        "endpoint": shown.get("url"),
        "method": shown.get("httpmethod"),
        "status_code": status or None,
        "metadata": metadata,
    }
