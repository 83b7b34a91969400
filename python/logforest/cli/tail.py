"""``logforest tail``: the end of a log file in one reading, and what comes."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import IO, Any

import typer

_POLL_SECONDS = 0.2
_BLOCK = 1 << 16
_MAX_LINE = 1 << 20
_KNOWN = 256  # bytes before the place of reading that must stay as they were
_COLOURS = {"DEBUG": "2", "WARN": "33", "ERROR": "31", "CRITICAL": "1;31"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("tail")(tail)


def tail(
    file: str = typer.Argument(help="A log file that is not compressed."),
    follow: bool = typer.Option(
        False, "--follow", "-f", help="Wait for more; follows rotation and truncation."
    ),
    lines: int = typer.Option(10, "--lines", "-n", min=0, help="Lines to begin with."),
    format_: str = typer.Option("auto", "--format", help="A format's name."),
    json_: bool = typer.Option(False, "--json", help="One JSON object a line."),
) -> None:
    """Show the last records of a file, and those that come."""
    colour = not json_ and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    try:
        _refuse_compressed(file)
        header = _header(file)
        for block in _blocks(file, lines, follow):
            _show(block, header, format_, json_, colour)
            header = _directives(header + block)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse_compressed(path: str) -> None:
    from logforest._streams import is_compressed
    from logforest.errors import ParseError

    with open(path, "rb") as handle:
        if is_compressed(handle.read(16)):
            raise ParseError(
                f"{path} is compressed, and tail reads plain files; `logforest analyze` and "
                "`logforest formats test` read compressed ones"
            )


def _header(path: str) -> bytes:
    """The lines at the start of a table that name its columns; nothing of other files."""
    with open(path, "rb") as handle:
        return _directives(handle.read(_BLOCK))


def _directives(text: bytes) -> bytes:
    """The lines in force behind ``text`` that say how a table's rows are read."""
    from logforest import _core

    return _core.directives(text)


def _show(block: bytes, header: bytes, format_: str, json_: bool, colour: bool) -> None:
    from logforest import parse

    logs = parse(header + block, format=format_)
    for row in logs.to_arrow().to_pylist():
        print(_json(row) if json_ else _text(row, colour))
    for row in logs.rejected.to_pylist():
        _warn(f"rejected ({row['reason']}): {row['text'][:200]}")
    sys.stdout.flush()


def _json(row: dict[str, Any]) -> str:
    fields = {key: value for key, value in row.items() if value is not None}
    if "metadata" in fields:
        fields["metadata"] = json.loads(fields["metadata"])
    return json.dumps(fields, default=lambda value: value.isoformat())


def _text(row: dict[str, Any], colour: bool) -> str:
    from logforest.cli._terminal import safe

    stamp = row["timestamp"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    level = f"{row['level']:<8}"
    if colour and (code := _COLOURS.get(row["level"])):
        level = f"\x1b[{code}m{level}\x1b[0m"
    # Each line of a joined record is neutralised by itself.
    message = "\n    ".join(safe(line) for line in row["message"].split("\n"))
    return f"{stamp} {level} {safe(row['service'] or '-')}: {message}"


def _warn(text: str) -> None:
    from logforest.cli._terminal import safe

    print(f"logforest: {safe(text)}", file=sys.stderr, flush=True)


def _blocks(path: str, lines: int, follow: bool) -> Iterator[bytes]:
    """Whole lines: the last ones first, then (with ``follow``) what is appended."""
    handle: IO[bytes] = open(path, "rb", buffering=0)  # noqa: SIM115 (reopened on rotation)
    try:
        _seek_last(handle, lines)
        rest = before = b""
        while True:
            if follow and _rewritten(handle, before):
                _warn(f"{path} was truncated: reading from its start")
                handle.seek(0)
                rest = before = b""
            known = len(rest)
            rest, block = _read(handle, rest)
            before = (before + (block + rest)[known:])[-_KNOWN:]
            if block:
                yield block
                continue
            if not follow:
                break
            fresh = _reopened(handle, path)
            if fresh is not None:
                if rest:
                    yield rest + b"\n"
                handle.close()
                handle, rest, before = fresh, b"", b""
                continue
            time.sleep(_POLL_SECONDS)
        if rest:
            yield rest + b"\n"
    finally:
        handle.close()


def _rewritten(handle: IO[bytes], before: bytes) -> bool:
    """Whether the file is not the one that was read so far: shorter, or other text in this place.

    A file may be truncated and grow past this place between two looks.
    """
    position = handle.tell()
    if os.fstat(handle.fileno()).st_size < position:
        return True
    return os.pread(handle.fileno(), len(before), position - len(before)) != before


def _read(handle: IO[bytes], rest: bytes) -> tuple[bytes, bytes]:
    """What is left over, and the whole lines that could be read."""
    data = rest + handle.read(_BLOCK)
    end = data.rfind(b"\n") + 1
    if end == 0 and len(data) > _MAX_LINE:
        end = len(data)
    return data[end:], data[:end] if len(data) > len(rest) else b""


def _reopened(handle: IO[bytes], path: str) -> IO[bytes] | None:
    """The file that stands under this name now, when it is another one."""
    try:
        now = os.stat(path)
    except FileNotFoundError:
        return None  # between rename and create
    then = os.fstat(handle.fileno())
    if (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino):
        return None
    try:
        return open(path, "rb", buffering=0)
    except FileNotFoundError:
        return None


def _seek_last(handle: IO[bytes], lines: int) -> None:
    """Move to where the last ``lines`` lines begin."""
    position = handle.seek(0, os.SEEK_END)
    if lines == 0:
        return
    wanted = lines
    first = True
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        handle.seek(position)
        block = handle.read(size)
        if first and block.endswith(b"\n"):
            wanted += 1
        first = False
        found = block.count(b"\n")
        if found < wanted:
            wanted -= found
            continue
        at = len(block)
        for _ in range(wanted):
            at = block.rfind(b"\n", 0, at)
        handle.seek(position + at + 1)
        return
    handle.seek(0)
