"""RFC 5424 in plain Python, written from the grammar in its section 6."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

_PRINT = r"[\x21-\x7e]"  # PRINTUSASCII
_NAME = r"[!#-<>-\\^-~]{1,32}"  # SD-NAME: PRINTUSASCII except = SP ] "
# Inside a value " \ and ] stand behind a backslash. Section 6.3.3 lets a receiver keep a backslash
# before anything else; this one refuses the message, as go-syslog does.
_VALUE = r'(?:[^"\\\]]|\\["\\\]])*'
_PARAM = rf' {_NAME}="{_VALUE}"'
_ELEMENT = rf"\[{_NAME}(?:{_PARAM})*\]"
_LINE = re.compile(
    r"<(?P<pri>0|[1-9][0-9]{0,2})>(?P<version>[1-9][0-9]{0,2})"
    r" (?P<time>-|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-5][0-9]))"
    rf" (?P<host>{_PRINT}{{1,255}}) (?P<app>{_PRINT}{{1,48}})"
    rf" (?P<procid>{_PRINT}{{1,128}}) (?P<msgid>{_PRINT}{{1,32}})"
    rf" (?P<data>-|(?:{_ELEMENT})+)"
    r"(?: (?P<message>.*))?",
    re.DOTALL,
)
_LEVELS = ("CRITICAL", "CRITICAL", "CRITICAL", "ERROR", "WARN", "INFO", "INFO", "DEBUG")


def structured_data(text: str) -> dict[str, Any] | None:
    """Elements by their id; None when an id comes twice. Repeated names give a list."""
    out: dict[str, Any] = {}
    for element in re.findall(_ELEMENT, text, re.DOTALL):
        name, params = re.fullmatch(rf"\[({_NAME})(.*)\]", element, re.DOTALL).groups()
        if name in out:
            return None
        values: dict[str, list[str]] = {}
        for key, value in re.findall(rf' ({_NAME})="({_VALUE})"', params):
            values.setdefault(key, []).append(re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL))
        out[name] = {key: found[0] if len(found) == 1 else found for key, found in values.items()}
    return out


def rfc5424_record(line: str) -> dict[str, Any] | None:
    """The columns of one message, or None. A key that is absent says nothing of its column."""
    match = _LINE.fullmatch(line)
    if match is None or int(match["pri"]) > 191:
        return None
    facility, severity = divmod(int(match["pri"]), 8)
    metadata: dict[str, Any] = {"facility": facility, "severity": severity}
    record: dict[str, Any] = {
        "level": _LEVELS[severity],
        "message": (match["message"] or "").removeprefix("\ufeff"),
        "metadata": metadata,
    }
    if match["time"] != "-":
        try:
            time = dt.datetime.fromisoformat(match["time"])
        except ValueError:
            return None
        record["timestamp"] = time.astimezone(dt.UTC)
    if match["version"] != "1":
        metadata["version"] = int(match["version"])
    for group in ("procid", "msgid"):
        if match[group] != "-":
            metadata[group] = match[group]
    host, app = (None if match[group] == "-" else match[group] for group in ("host", "app"))
    record["source"] = host or app  # one fills the other
    record["service"] = app or host
    if match["data"] != "-":
        data = structured_data(match["data"])
        if data is None:
            return None
        metadata |= data
    return record
