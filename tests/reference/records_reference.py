"""Plain Python reference of the JSON and logfmt parsers: line in, columns out, slow and readable.

It knows fewer aliases than the core (those that the tests use) and only ISO stamps and epochs.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

LEVELS = {
    "debug": "DEBUG", "trace": "DEBUG", "info": "INFO", "notice": "INFO", "warn": "WARN",
    "warning": "WARN", "error": "ERROR", "err": "ERROR", "fatal": "CRITICAL",
    "critical": "CRITICAL",
}  # fmt: skip
LEVELS |= dict.fromkeys("tdv", "DEBUG") | dict.fromkeys("in", "INFO")
LEVELS |= {"w": "WARN", "e": "ERROR", "severe": "ERROR"}
LEVELS |= dict.fromkeys(["dbg", "trc", "verbose", "fine", "finer", "finest"], "DEBUG")
LEVELS |= dict.fromkeys(["inf", "information", "informational"], "INFO") | {"wrn": "WARN"}
LEVELS |= dict.fromkeys(["ftl", "crit", "emerg", "panic", "dpanic", "alert"], "CRITICAL")
LEVELS |= dict.fromkeys("fcap", "CRITICAL")
SYSLOG = ["CRITICAL"] * 3 + ["ERROR", "WARN", "INFO", "INFO", "DEBUG"]
PINO = ["DEBUG", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"]
GCP = ["DEBUG", "INFO", "INFO", "WARN", "ERROR", "CRITICAL", "CRITICAL", "CRITICAL"]

ALIASES = {
    "@timestamp": "timestamp", "ts": "timestamp", "time": "timestamp",
    "@timestamp.$date": "timestamp", "timestamp.$date": "timestamp",  # of MongoDB
    "timestamp": "timestamp", "timeunixnano": "timestamp",
    "loggroup": "service", "logstream": "source",
    "level": "level", "severity": "level", "log.level": "level",
    "service": "service", "service.name": "service", "app": "service",
    "host": "source", "hostname": "source", "host.name": "source",
    "message": "message", "msg": "message", "log": "message",
    "log.message": "message",
    "path": "endpoint", "url.path": "endpoint", "url": "endpoint",
    "method": "method", "http.request.method": "method",
    "status": "status_code", "http.status": "status_code",
    "http.method": "method", "http.path": "endpoint", "http.url": "endpoint",
    "http.response.status_code": "status_code",
    "duration": "response_time", "latency_ms": "response_time",
    "user_id": "user_id", "user.id": "user_id", "user": "user_id",
    "trace_id": "trace_id", "trace.id": "trace_id", "trace": "trace_id",
    "metadata": "metadata",
}  # fmt: skip
PREFIXES = {".".join(key.split(".")[:n]) for key in ALIASES for n in range(1, key.count(".") + 1)}
TEXT = {"service", "source", "user_id", "trace_id"}
IDENTITY = TEXT | {"span_id", "metadata"}
# What tells of an event where no message does: where, what, why, and why by a code.
EVENT = {
    "eventsource": 0, "event_source": 0, "eventname": 1, "operationname": 1, "action": 1,
    "errormessage": 2, "error": 2, "error.message": 2, "errorcode": 3,
}  # fmt: skip
ALIASES |= dict.fromkeys(EVENT, "event")
PREFIXES |= {"error"}


class Number(str):
    """The literal of a JSON number."""


class Pairs(list[tuple[str, Any]]):
    """A JSON object: members in order, repetitions kept."""


class Row:
    """One record under construction; the first value of a column wins."""

    def __init__(self) -> None:
        self.columns: dict[str, Any] = {}
        self.event: dict[int, str] = {}
        self.context = False  # fields around the record: only where it comes from is a column

    def note(self, key: str, value: object) -> None:
        """Remember what may have to stand for the message."""
        if type(value) is str and not self.context and "message" not in self.columns:
            text = value.encode()[:4096].decode(errors="ignore").strip(" \t\r\n")
            if text:
                self.event.setdefault(EVENT[key], text)

    def message(self) -> str:
        """The words of the event."""
        words = [self.event.get(0, ""), self.event.get(1, "")]
        what = " ".join(word for word in words if word)
        why = self.event.get(2, self.event.get(3, ""))
        return ": ".join(part for part in (what, why) if part)

    def put(self, target: str, value: object) -> bool:
        """True when the column took the value; else it is metadata."""
        if value is None and target != "event":
            return True
        if target == "event" or (self.context and target not in IDENTITY):
            return False
        if isinstance(value, (bool, list, Pairs)) or target in self.columns:
            return False
        assert isinstance(value, str)
        number = isinstance(value, Number)
        if target == "message":
            self.columns["message"] = value.rstrip("\r\n")
            return True
        if not value:
            return False
        taken: Any = None
        if target in TEXT or (target == "endpoint" and not number):
            taken = value
        elif target == "method" and not number:
            taken = value if re.fullmatch(r"[A-Za-z_-]{1,16}", value) else None
        elif target == "status_code":
            taken = int(value) if re.fullmatch(r"[1-9][0-9][0-9]", value) else None
        elif target == "level":
            taken = read_level(value, number)
        elif target == "timestamp":
            taken = read_time(value, number)
        elif target == "response_time":
            taken = read_duration(value, number)
        if taken is None:
            return False
        self.columns[target] = taken
        return True


def read_level(value: str, number: bool) -> str | None:
    if not number and value.lower() in LEVELS:
        return LEVELS[value.lower()]
    if not re.fullmatch(r"-?[0-9]{1,9}", value):
        return None
    n = int(value)
    if 0 <= n <= 7:
        return SYSLOG[n]
    if 10 <= n <= 69:
        return PINO[n // 10 - 1]
    return GCP[n // 100 - 1] if 100 <= n <= 800 and n % 100 == 0 else None


def read_time(value: str, number: bool) -> int | None:
    value = value.strip(" \t\r\n")
    if found := re.fullmatch(r"([0-9]{9,18})(?:[.,]([0-9]+))?", value):
        whole, micro = int(found[1]), int((found[2] or "")[:6].ljust(6, "0"))
        if whole < 10**8:
            return None
        if whole < 10**11:
            return whole * 10**6 + micro
        if whole < 10**14:
            return whole * 1000 + micro // 1000
        return whole if whole < 10**17 else whole // 1000
    if number and re.fullmatch(r"[0-9.]+([eE][+-]?[0-9]+)?", value):
        seconds = float(value)
        if not 1e8 <= seconds < 9e18:
            return None
        scales = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (9e18, 1e-3))
        return round(seconds * next(scale for limit, scale in scales if seconds < limit))
    date, clock = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d([.,]\d{1,9})?"
    if not re.fullmatch(rf"{date}[T ]{clock}(Z|[+-]\d\d:?\d\d)?", value):
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"([.,]\d{6})\d+", r"\1", value))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds


def read_duration(value: str, number: bool) -> float | None:
    units = {"": 1.0, "ms": 1.0, "s": 1000.0, "us": 0.001, "ns": 1e-6, "m": 60_000.0}
    pattern = r"([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(ms|s|us|ns|m|)"
    found = re.fullmatch(pattern, value.strip())
    if not found or (number and found[2]) or (found[2] and "e" in found[1].lower()):
        return None
    result = float(found[1]) * units[found[2]]
    return result if math.isfinite(result) else None


def walk(row: Row, members: Pairs, path: str) -> Pairs:
    """Fill columns from an object; what is left, nesting kept."""
    left = Pairs()
    for key, value in members:
        full = f"{path}{key}".lower()
        if isinstance(value, Pairs) and full in PREFIXES:
            inner = walk(row, value, full + ".")
            if inner:
                left.append((key, inner))
        elif ALIASES.get(full) == "metadata" and isinstance(value, Pairs):
            left.extend(value)
        elif full == "log" and type(value) is str and (inner := inner_record(value)) is not None:
            left.extend(walk(row, inner, ""))  # Docker: a line inside the line
        else:
            if full in EVENT:
                row.note(full, value)
            if full not in ALIASES or not row.put(ALIASES[full], value):
                left.append((key, value))
    return left


def inner_record(text: str) -> Pairs | None:
    try:
        value = _load(text.strip(" \t\r\n")) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Pairs) else None


def finish(row: Row, left: Pairs, received: int) -> dict[str, Any]:
    out = dict(row.columns)
    out["metadata"] = plain(left) if left else None
    out.setdefault("timestamp", received)
    out.setdefault("message", row.message())
    status = out.get("status_code", 0)
    out.setdefault("level", "ERROR" if status >= 500 else "WARN" if status >= 400 else "INFO")
    for one, other in (("service", "source"), ("source", "service")):
        if one not in out and other in out:
            out[one] = out[other]
    return out


def plain(value: Any) -> Any:
    """Ordinary Python objects, as json.loads gives them (the last of equal keys wins)."""
    if isinstance(value, Pairs):
        return {key: plain(inner) for key, inner in value}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, Number):
        return float(value) if set(value) & set(".eE") else int(value)
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _load(text: str) -> Any:
    return json.loads(
        text,
        object_pairs_hook=Pairs,
        parse_int=Number,
        parse_float=Number,
        parse_constant=_no_constant,
    )


def parse_json_line(line: str, received: int = 0) -> dict[str, Any] | None:
    """The record of one line, or None for a reject."""
    try:
        value = _load(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, Pairs):
        return None
    row = Row()
    return finish(row, walk(row, value, ""), received)


_PAIR = re.compile(
    r'[\x00-\x20]*(?P<key>[^\x00-\x20="]+)(?:=(?:"(?P<quoted>(?:[^"\\\x00-\x1f]|\\.)*)"'
    r'|(?P<bare>[^\x00-\x20="]*))(?=[\x00-\x20]|$)|(?=[\x00-\x20]|$))'
)


def parse_logfmt_line(line: str, received: int = 0) -> dict[str, Any] | None:
    """The record of one line, or None for a reject."""
    row = Row()
    left = Pairs()
    at = 0
    while line[at:].strip("".join(map(chr, range(33)))):
        found = _PAIR.match(line, at)
        if not found:
            return None
        at = found.end()
        key, quoted, bare = found["key"], found["quoted"], found["bare"]
        if quoted is None and bare is None:
            left.append((key, True))
            continue
        try:
            value = bare if quoted is None else json.loads(f'"{quoted}"')
        except ValueError:
            return None
        if key.lower() in EVENT:
            row.note(key.lower(), value)
        if key.lower() not in ALIASES or not row.put(ALIASES[key.lower()], value):
            left.append((key, value))
    return finish(row, left, received)
