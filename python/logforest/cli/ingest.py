"""``logforest ingest``: files or standard input into a service or a store."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import typer

_BODY_BYTES = 1 << 20


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("ingest")(ingest)


def ingest(
    files: list[str] = typer.Argument(help="Files, globs (compressed or not), or - for stdin."),
    url: str | None = typer.Option(
        None, "--url", envvar="LOGFOREST_URL", help="A running service (http://127.0.0.1:8000)."
    ),
    data: str | None = typer.Option(
        None, "--data", help="A store instead: its folder, a .duckdb file or postgresql://."
    ),
    format_: str = typer.Option("auto", "--format", "-f", help="A format's name, or auto."),
    encoding: str | None = typer.Option(
        None, "--encoding", help="Of the bytes: latin-1, cp1252, utf-16 ...  [default: UTF-8]"
    ),
    service: str = typer.Option("", "--service", help="For records that name none."),
    api_key: str | None = typer.Option(None, "--api-key", envvar="LOGFOREST_API_KEY"),
    json_: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Store every record; sending again after a failure stores nothing twice."""
    from logforest.errors import ConfigError

    if url is not None and data is not None:
        raise ConfigError("give --url or --data, not both")
    total = {"records": 0, "rejected": 0, "files": 0}
    if data is not None:
        _into_store(data, files, format_, encoding, service, total)
    else:
        address = url or "http://127.0.0.1:8000"
        _into_service(address, api_key, files, format_, encoding, service, total)
    if json_:
        print(json.dumps(total))
    else:
        print(
            f"{total['records']} records stored, {total['rejected']} lines rejected, "
            f"{total['files']} files"
        )


def _into_store(
    address: str,
    files: list[str],
    format_: str,
    encoding: str | None,
    service: str,
    total: dict[str, int],
) -> None:
    from pathlib import Path

    import logforest
    from logforest._streams import expand, too_many, wide_encoding, wrong_encoding

    if "://" not in address and not address.endswith(".duckdb"):
        Path(address).mkdir(parents=True, exist_ok=True)
        address = str(Path(address) / "logs.duckdb")
    with logforest.open(address) as store:
        for path in (name for pattern in files for name in expand(pattern)):
            total["files"] += 1
            options: dict[str, Any] = {"service": service} if service else {}
            if encoding is None and wide_encoding(path) is not None:
                raise wrong_encoding(path)
            name = _name(path, encoding)
            for n, logs in enumerate(
                logforest.read_logs(
                    path, format=format_, encoding=encoding, batch_rows=50_000, **options
                )
            ):
                if too_many(logs.counts["repaired_bytes"], logs.counts["lines"]):
                    raise wrong_encoding(path)
                key = None if name is None else f"{name}:{format_}:{service}:{n}"
                total["records"] += store.append(logs, key=key)[1]
                total["rejected"] += logs.counts["rejected"]


def _name(path: str, encoding: str | None) -> str | None:
    """A name that the same text in a file of this name has in every run; None: read only once.

    Damaged data is found here, before any of it is stored.
    """
    import hashlib
    import os

    from logforest._streams import Damaged, open_path, text_encoding
    from logforest.errors import ParseError

    if not os.path.isfile(path):  # standard input, a pipe
        return None
    source = open_path(path, 1000.0, text_encoding(encoding))
    digest = hashlib.blake2b(os.path.basename(path).encode() + b"\n", digest_size=16)
    try:
        for block in _blocks(source):
            digest.update(block)
    except Damaged as error:
        raise ParseError(
            f"{path}: {error}; nothing of it was stored: fetch the file again"
        ) from None
    finally:
        source.close()
    return digest.hexdigest()


def _into_service(
    url: str,
    api_key: str | None,
    files: list[str],
    format_: str,
    encoding: str | None,
    service: str,
    total: dict[str, int],
) -> None:
    import hashlib
    from urllib.parse import urlencode

    from logforest._streams import (
        Damaged,
        expand,
        not_utf8,
        open_path,
        text_encoding,
        wrong_encoding,
    )
    from logforest.errors import ParseError
    from logforest.http_client import Client

    def waiting(reason: str) -> None:
        print(f"logforest: {reason}; trying again", file=sys.stderr)

    client = Client(url, api_key=api_key, on_wait=waiting)
    for path in (name for pattern in files for name in expand(pattern)):
        total["files"] += 1
        name = "" if path == "-" else path.rsplit("/", 1)[-1]
        parameters = {"format": format_, "service": service, "source": name}
        target = "/api/v1/logs/ingest?" + urlencode({k: v for k, v in parameters.items() if v})
        before = total["records"]
        with _progress(path) as advance:
            try:
                for at, body in _bodies(open_path(path, 1000.0, text_encoding(encoding))):
                    if not_utf8(body):
                        raise wrong_encoding(path)
                    # The same part of the same file has the same key, in this run and the next.
                    part = hashlib.blake2b(name.encode() + b"\n" + body, digest_size=16)
                    key = f"{at}-{part.hexdigest()}"
                    answer = client.post(target, body, key, "text/plain")
                    total["records"] += answer["accepted"]
                    total["rejected"] += answer.get("rejected_total", len(answer["rejected"]))
                    advance(len(body))
            except Damaged as error:
                raise ParseError(
                    f"{path}: {error}; {total['records'] - before} records before it were stored: "
                    "fetch the file again and send it again, nothing is stored twice"
                ) from None


def _bodies(source: Any) -> Iterator[tuple[int, bytes]]:
    """Pieces of whole lines with their offsets; a line longer than a piece comes alone."""
    try:
        pending = b""
        at = 0
        for block in _blocks(source):
            pending += block
            while len(pending) >= _BODY_BYTES:
                cut = pending.rfind(b"\n", 0, _BODY_BYTES) + 1 or pending.find(b"\n") + 1
                if not cut:
                    break
                yield at, pending[:cut]
                at += cut
                pending = pending[cut:]
        if pending:
            yield at, pending
    finally:
        source.close()


def _blocks(source: Any) -> Iterator[bytes]:
    if source.handle is not None and source.descriptor is not None:
        while block := source.handle.read(_BODY_BYTES):
            yield block
    else:
        yield from source.blocks


class _progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._bar: Any = None

    def __enter__(self) -> Callable[[int], None]:
        if not sys.stderr.isatty():
            return lambda _: None
        import os

        from rich.console import Console
        from rich.progress import Progress

        size = None if self._path == "-" else os.path.getsize(self._path)
        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._bar.start()
        task = self._bar.add_task(self._path, total=size)
        return lambda n: self._bar.advance(task, n)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
