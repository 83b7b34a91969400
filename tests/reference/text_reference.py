"""Access logs and RFC 3164 in plain Python: slow, readable, what the scanners must agree with."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

_ACCESS = re.compile(
    r"(?P<ip>\S+) (?P<ident>\S+) (?P<user>\S+) "
    r"\[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<bytes>\d+|-)'
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)
# RFC 9110 would let a method begin with a dash; in this log a dash is what is missing (Apache's
# mod_log_config: "-" for values that are not available), so "- -" is no request.
_REQUEST = re.compile(
    r"(?P<method>[A-Z_][A-Z_-]{0,23}) (?P<target>.*?)(?: (?P<protocol>HTTP/[^ ]*))?"
)


def access_record(line: str) -> dict[str, Any] | None:
    """The columns of one line of the common or combined format, or None."""
    match = _ACCESS.fullmatch(line)
    if match is None:
        return None
    try:
        time = dt.datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        return None
    metadata: dict[str, Any] = {}
    record: dict[str, Any] = {
        "timestamp": time.astimezone(dt.UTC),
        "ip_address": match["ip"],
        "status_code": int(match["status"]) or None,
        "message": match["request"],
        "method": None,
        "endpoint": None,
        "user_id": None if match["user"] == "-" else match["user"],
        "metadata": metadata,
    }
    if match["ident"] != "-":
        metadata["ident"] = match["ident"]
    request = _REQUEST.fullmatch(match["request"])
    if request and request["target"].strip():
        record |= {"method": request["method"], "endpoint": request["target"].strip()}
        if request["protocol"]:
            metadata["protocol"] = request["protocol"]
    if match["bytes"] != "-":
        metadata["bytes"] = int(match["bytes"])
    for name, key in (("referrer", "referrer"), ("agent", "user_agent")):
        if match[name] not in (None, "", "-"):
            metadata[key] = match[name]
    return record


_SYSLOG = re.compile(
    r"<(?P<pri>0|[1-9]\d{0,2})>(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) "
    r"(?P<tag>[A-Za-z][A-Za-z0-9/_.-]*)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)"
)


def syslog_record(line: str, now: dt.datetime) -> dict[str, Any] | None:
    """The columns of one RFC 3164 message with priority, host and tag, or None."""
    match = _SYSLOG.fullmatch(line)
    if match is None or int(match["pri"]) > 191:
        return None
    stamps = []
    for year in range(now.year - 8, now.year + 2):
        try:
            stamp = dt.datetime.strptime(f"{year} {match['time']}", "%Y %b %d %H:%M:%S")
        except ValueError:
            continue
        stamps.append(stamp.replace(tzinfo=dt.UTC))
    if not stamps:
        return None
    facility, severity = divmod(int(match["pri"]), 8)
    metadata: dict[str, Any] = {"facility": facility, "severity": severity}
    if match["pid"]:
        metadata["pid"] = int(match["pid"])
    levels = ("CRITICAL", "CRITICAL", "CRITICAL", "ERROR", "WARN", "INFO", "INFO", "DEBUG")
    return {
        "timestamp": max(s for s in stamps if s <= now + dt.timedelta(days=7)),
        "level": levels[severity],
        "source": match["host"],
        "service": match["tag"],
        "message": match["message"].strip(" \t\r"),
        "metadata": metadata,
    }
