"""Log lines in every supported format, built by column: one join of string arrays per event.

A line is a list of literal pieces and placeholders. Placeholders are columns of the block; the
join of all pieces with a newline at the end is one Arrow string array whose data buffer already
is the text of the block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from logforest.demo.services import Event

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_SYSLOG_SEVERITY = {"DEBUG": 7, "INFO": 6, "WARN": 4, "ERROR": 3, "CRITICAL": 2}
_FACILITY = 16 * 8  # local0


def _json(service: str, event: Event) -> str:
    text = f'{{"timestamp":"{{iso}}","level":"{event.level}","service":"{service}",'
    text += f'"host":"{{host}}","message":{json.dumps(event.message)},'
    if event.http:
        text += f'"endpoint":"{event.endpoint}","method":"{event.method}",'
        text += f'"status_code":{event.status},"response_time":{{ms}},'
        text += '"ip_address":"{ip}","user_id":"{user}",'
    text += '"trace_id":"{trace}","span_id":"{span}","metadata":{"region":"{region}",'
    text += '"version":"{version}"'
    if event.http:
        text += ',"request":{"bytes":{bytes},"user_agent":"{agent}"}'
    return text + "}}"


def _logfmt(service: str, event: Event) -> str:
    text = f"ts={{iso}} level={event.level.lower()} service={service} host={{host}} "
    text += f"msg={json.dumps(event.message)}"
    if event.http:
        text += f" method={event.method} path={event.endpoint} status={event.status}"
        text += " duration={ms}ms ip={ip} user={user}"
    return text + " trace_id={trace} version={version}"


def _rfc5424(service: str, event: Event) -> str:
    priority = _FACILITY + _SYSLOG_SEVERITY[event.level]
    text = f"<{priority}>1 {{iso}} {{host}} {service} 1 - "
    if event.http:
        text += f'[http@32473 method="{event.method}" endpoint="{event.endpoint}"'
        text += f' status="{event.status}" response_time="{{ms}}" ip="{{ip}}" user="{{user}}"'
        text += ' trace_id="{trace}"]'
    else:
        text += '[meta@32473 version="{version}" trace_id="{trace}"]'
    return f"{text} {event.message}"


def _rfc3164(service: str, event: Event) -> str:
    priority = _FACILITY + _SYSLOG_SEVERITY[event.level]
    return f"<{priority}>{{bsd}} {{host}} {service}[1]: {event.message}"


def _apache_combined(_service: str, event: Event) -> str:
    return (
        f'{{ip}} - {{user}} [{{clf}}] "{event.method} {event.endpoint} HTTP/1.1" {event.status} '
        '{bytes} "https://shop.example/" "{agent}"'
    )


def _plain(service: str, event: Event) -> str:
    text = f"{{space}} {event.level} [{service}] {event.message}"
    return text + (f" (status {event.status}, {{ms}} ms)" if event.http else "")


_RENDERERS: Mapping[str, Callable[[str, Event], str]] = {
    "json": _json,
    "logfmt": _logfmt,
    "rfc5424": _rfc5424,
    "rfc3164": _rfc3164,
    "apache_combined": _apache_combined,
    "plain": _plain,
}
FORMATS = (*_RENDERERS, "mixed")
#: In mixed traffic every service has its own format, as in a grown company.
MIXED = {
    "gateway": "apache_combined",
    "auth": "rfc5424",
    "catalog": "json",
    "orders": "logfmt",
    "payments": "json",
    "inventory": "rfc3164",
}
#: A format that can only say requests.
HTTP_ONLY = frozenset({"apache_combined"})


def pieces(fmt: str, service: str, event: Event) -> list[str | tuple[str]]:
    """A line of ``event`` as literals and (placeholder,) tuples; the newline included.

    >>> pieces("rfc3164", "auth", Event("user {user} left"))[-3:]
    [' auth[1]: user ', ('user',), ' left\\n']
    """
    if fmt == "mixed":
        fmt = MIXED[service]
    template = _RENDERERS[fmt](service, event) + "\n"
    parts: list[str | tuple[str]] = []
    position = 0
    for match in _PLACEHOLDER.finditer(template):
        if match.start() > position:
            parts.append(template[position : match.start()])
        parts.append((match.group(1),))
        position = match.end()
    parts.append(template[position:])
    return parts


def join(parts: list[str | tuple[str]], column: Callable[[str], pa.Array], rows: int) -> pa.Array:
    """Lines of one event: ``column(name)`` gives the values of its ``rows`` records."""
    inputs = [pa.scalar(part) if isinstance(part, str) else column(part[0]) for part in parts]
    if all(isinstance(part, str) for part in parts):
        return pa.repeat(pa.scalar("".join(str(part) for part in parts)), rows)
    return pc.binary_join_element_wise(*inputs, pa.scalar(""))


def text_of(lines: pa.Array) -> bytes:
    """The data buffer of a string array without an offset: all lines one after another."""
    buffer = lines.buffers()[2]
    if buffer is None:
        return b""
    offsets = pa.Array.from_buffers(
        pa.int32(), len(lines) + 1, [None, lines.buffers()[1]], offset=lines.offset
    )
    first, last = offsets[0].as_py(), offsets[len(lines)].as_py()
    return memoryview(buffer)[first:last].tobytes()
