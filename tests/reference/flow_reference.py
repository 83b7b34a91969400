"""AWS VPC flow logs in plain Python: names of columns, then rows of as many values."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import Any

# Source: Amazon VPC user guide, "Flow log records"; the order where no line names the columns.
VERSION_2 = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
]
_NUMBERS = {
    "version",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "end",
    "tcp-flags",
    "traffic-path",
    "encryption-status",
}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_DATE = 100_000_000  # smaller numbers are no dates


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def flow_record(line: str, names: list[str] | None) -> dict[str, Any] | str:
    """The columns of one row, or why it is none; ``names``: what the line above said, if any."""
    if names is None and not line.startswith("2 "):
        return "no_match"
    values = line.split(" ")
    if values[-1] == "":  # one blank may end the line
        values.pop()
    said: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    record: dict[str, Any] = {"service": "vpc_flow", "ip_address": None, "metadata": metadata}
    for place, name in enumerate(names or VERSION_2):
        if place >= len(values):
            return "truncated"
        value = values[place]
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
        if value == "":
            return "no_match"
        if value == "-":
            continue
        if name == "version" and (number is None or len(value) > 2):
            return "no_match"
        if name == "start":
            if number is None or len(value) > 11 or number < _FIRST_DATE:
                return "no_match"
            record["timestamp"] = _EPOCH + dt.timedelta(seconds=number)
        elif name == "srcaddr" and _is_ip(value):
            record["ip_address"] = value
        else:
            said[name] = value
            key = name.replace("-", "_")
            metadata[key] = number if name in _NUMBERS and number is not None else value
    if len(values) > len(names or VERSION_2):
        return "no_match"
    message = " ".join(said[name] for name in ("action", "log-status") if name in said)
    return record | {"message": message or line}
