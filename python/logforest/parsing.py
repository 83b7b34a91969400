"""Reading logs: bytes in memory, files, globs, streams, compressed or not, into columns."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any, Literal, TypeAlias, cast, overload

from logforest import _core
from logforest._streams import (
    Damaged,
    Source,
    as_utf8,
    expand,
    open_path,
    open_stream,
    text_encoding,
)
from logforest.batch import LogBatch
from logforest.errors import ConfigError, ParseError
from logforest.formats import load_builtin

__all__ = ["detect_format", "parse", "read_logs"]

Readable: TypeAlias = (
    str
    | os.PathLike[str]
    | IO[bytes]
    | IO[str]
    | bytes
    | bytearray
    | memoryview
    | Iterable[str]
    | Iterable[os.PathLike[str]]
)

#: Whether, or by which rules, personal data is masked.
Masking: TypeAlias = Any  # bool | MaskRules | Mapping | str


def _options(
    format: str,
    pattern: str | None,
    *,
    service: str | None = None,
    source: str | None = None,
    tenant: str = "default",
    zone_minutes: int = 0,
    day_first: bool = False,
    threads: int | None = None,
    received: float | datetime | None = None,
    max_line_bytes: int = 1 << 20,
    max_depth: int = 512,
    max_fields: int = 1000,
    chunk_bytes: int = 1 << 22,
) -> _core.ParseOptions:
    load_builtin()
    if not isinstance(format, str) or not isinstance(pattern, str | None):
        raise ConfigError(f"format and pattern are text, not {format!r} and {pattern!r}")
    if pattern is not None and format not in ("auto", "regex"):
        raise ConfigError(f"a pattern goes with format='regex', not {format!r}")
    if not -24 * 60 < zone_minutes < 24 * 60:
        raise ConfigError(f"zone_minutes must be within a day, not {zone_minutes}")
    limits = {
        "max_line_bytes": max_line_bytes,
        "max_depth": max_depth,
        "max_fields": max_fields,
        "chunk_bytes": chunk_bytes,
    }
    for name, value in limits.items():
        if value < 1:
            raise ConfigError(f"{name} must be at least 1, not {value}")
    options = _core.ParseOptions()
    options.format = "regex" if pattern is not None else format
    options.pattern = pattern or ""
    options.service = service or ""
    options.source = source or ""
    options.tenant = tenant
    options.zone_minutes = zone_minutes
    options.day_first = day_first
    options.threads = 0 if threads is None else max(0, threads)
    options.received_us = _received_us(received)
    options.max_line_bytes = max_line_bytes
    options.max_depth = max_depth
    options.max_fields = max_fields
    options.chunk_bytes = chunk_bytes
    return options


def _received_us(received: float | datetime | None) -> int:
    if isinstance(received, datetime):
        moment = received if received.tzinfo else received.replace(tzinfo=UTC)
        received = moment.timestamp()
    return int((time.time() if received is None else received) * 1_000_000)


def _checked(format: str, pattern: str | None, **options: Any) -> _core.ParseOptions:
    """The options; what is wrong with them is a ConfigError that names it."""
    known = inspect.signature(_options).parameters
    if unknown := [name for name in options if name not in known]:
        there = [name for name in known if name not in ("format", "pattern")]
        raise ConfigError(f"no option {unknown[0]!r}; there are {', '.join(there)}")
    try:
        return _options(format, pattern, **options)
    except ConfigError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        raise ConfigError(f"an option has a wrong value: {given}") from error


def _masked(logs: LogBatch, mask: Masking) -> LogBatch:
    if mask is False or mask is None:
        return logs
    from logforest.masking import mask_pii

    return mask_pii(logs, None if mask is True else mask)


def _enrichment() -> _core.EnrichOptions:
    return _core.EnrichOptions()


def parse(
    data: bytes | bytearray | memoryview | str,
    format: str = "auto",
    pattern: str | None = None,
    *,
    encoding: str | None = None,
    mask: Masking = False,
    **options: Any,
) -> LogBatch:
    """Parse log text in memory.

    Args:
        data: the text; ``str`` is taken as UTF-8, bytes may also be UTF-16 with a mark.
        format: a name of :func:`logforest.list_formats` or ``auto``.
        pattern: an RE2 expression with named groups, instead of a format.
        encoding: of bytes; a Python codec, default UTF-8.
        mask: replace personal data: True, or rules as of :func:`mask_pii`.
        **options: as of :func:`read_logs`; ``source`` where records have none.

    Returns:
        The records; bad lines are in ``.rejected``, never an exception.

    Raises:
        ConfigError: unknown format, bad pattern or option.

    Example:
        >>> import logforest as lf
        >>> lf.parse('{"level": "warn", "msg": "slow"}')["level"].to_pylist()
        ['WARN']
    """
    core_options = _checked(format, pattern, **options)
    if not isinstance(data, (bytes, bytearray, memoryview, str)):
        what = type(data).__name__
        raise ConfigError(f"parse takes bytes or str, not {what}; read_logs takes files and lists")
    raw = (
        data.encode("utf-8", "surrogatepass")
        if isinstance(data, str)
        else as_utf8(data, text_encoding(encoding))
    )
    return _masked(LogBatch._from_core(_core.parse_bytes(raw, core_options, _enrichment())), mask)


def detect_format(data: bytes | str) -> str | None:
    """The name of the format of some log lines, or None when they are plain text.

    Example:
        >>> import logforest as lf
        >>> lf.detect_format(b'{"msg": "hello"}')
        'json'
    """
    load_builtin()
    if not isinstance(data, (bytes, bytearray, memoryview, str)):
        raise ConfigError(f"detect_format takes bytes or str, not {type(data).__name__}")
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    found = _core.detect_format(raw[: 1 << 16])
    return None if found is None else found[0]


@overload
def read_logs(
    source: Readable,
    format: str = ...,
    pattern: str | None = ...,
    *,
    batch_rows: None = ...,
    **options: Any,
) -> LogBatch: ...
@overload
def read_logs(
    source: Readable,
    format: str = ...,
    pattern: str | None = ...,
    *,
    batch_rows: int,
    **options: Any,
) -> Iterator[LogBatch]: ...


def read_logs(
    source: Readable,
    format: str = "auto",
    pattern: str | None = None,
    *,
    batch_rows: int | None = None,
    damaged: Literal["raise", "keep"] = "raise",
    max_ratio: float = 250.0,
    encoding: str | None = None,
    mask: Masking = False,
    **options: Any,
) -> LogBatch | Iterator[LogBatch]:
    """Read logs from files, streams or memory into columns.

    Args:
        source: a path, a glob (``access.log*``), ``-`` for standard input, a file object, bytes,
            a list (or Series, array) of lines, or a list of ``Path`` objects. ``.gz``, ``.zst``,
            ``.bz2`` and ``.xz`` are told by their content and may have several members; UTF-16
            needs a byte order mark.
        format: a format's name, or ``auto``: told for each file by its first lines.
        pattern: an RE2 expression with named groups, instead of a format.
        batch_rows: give an iterator of batches of this many records (the last may be smaller),
            in bounded memory.
        damaged: what to do with compressed data that ends early or is corrupt: ``raise`` a
            ParseError whose ``partial`` holds all records before the damage, or ``keep`` these
            and add one reject with reason ``truncated``.
        encoding: of the bytes, a Python codec such as ``latin-1``; default UTF-8, or UTF-16 by its
            byte order mark. Bytes that do not fit are replaced and counted
            (``counts["repaired_bytes"]``).
        mask: replace personal data: True, or rules as of :func:`mask_pii`.
        max_ratio: how many times its size compressed data may grow (above 64 MB of output).
        **options: ``service`` where records have none (their source is the file's name);
            ``tenant``; ``zone_minutes`` (east of UTC, for stamps without an offset);
            ``day_first`` (03/04/2025 is 3 April; such stamps are counted); ``received`` (epoch
            seconds: time of receipt, default now); ``threads`` (default: one per core);
            ``max_line_bytes`` (1 MiB), ``max_depth`` (512), ``max_fields`` (1000),
            ``chunk_bytes`` (4 MiB).

    Returns:
        The records in order. Bad lines are in ``.rejected``, never an exception.

    Raises:
        ConfigError: unknown format, bad pattern or option.
        ParseError: damaged compressed data, or a decompression bomb.
        OSError: a file cannot be read.

    Example:
        >>> import logforest as lf
        >>> lf.read_logs(["level=info msg=started", "level=warn msg=slow"]).num_rows
        2
    """
    if damaged not in ("raise", "keep"):
        raise ConfigError(f"damaged must be 'raise' or 'keep', not {damaged!r}")
    codec = text_encoding(encoding)
    rows_fit = isinstance(batch_rows, int) and 1 <= batch_rows < 2**62
    if batch_rows is not None and not rows_fit:
        raise ConfigError(f"batch_rows must be an int of at least 1, not {batch_rows!r}")
    options = {"format": format, "pattern": pattern, **options}
    _checked(**options)  # told now, not with the first batch
    if batch_rows is not None:
        _core.parse_bytes(b"", _checked(**options), _enrichment())  # the format is known
        batches_of = _iterate(_sources(source, max_ratio, codec), batch_rows, damaged, options)
        return (_masked(batch, mask) for batch in batches_of)
    batches: list[LogBatch] = []
    try:
        for one in _sources(source, max_ratio, codec):
            batches.append(_read_all(one, damaged, options))
    except ParseError as error:
        if isinstance(error.partial, LogBatch) and batches:
            error.partial = LogBatch.concat([*batches, error.partial])
        raise
    return _masked(batches[0] if len(batches) == 1 else LogBatch.concat(batches), mask)


def _sources(source: Readable, max_ratio: float, encoding: str | None) -> Iterator[Source]:
    if isinstance(source, (str, os.PathLike)):
        for path in expand(os.fspath(source)):
            yield open_path(path, max_ratio, encoding)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        from io import BytesIO

        yield open_stream(BytesIO(source), max_ratio, encoding)
    elif hasattr(source, "read"):
        yield open_stream(cast("IO[Any]", source), max_ratio, encoding)
    elif isinstance(source, Mapping) or hasattr(source, "columns"):
        raise ConfigError(
            f"read_logs takes lines, not {type(source).__name__}; pass one column of it, or make "
            "records with LogBatch.from_arrow"
        )
    elif not isinstance(source, Iterable):
        raise ConfigError(f"read_logs takes a path, a file, bytes or lines, not {source!r}")
    else:
        lines: list[Any] = source.to_pylist() if hasattr(source, "to_pylist") else list(source)
        if lines and all(isinstance(line, os.PathLike) for line in lines):
            for path in lines:
                yield open_path(os.fspath(path), max_ratio, encoding)
            return
        for line in lines:
            if not isinstance(line, str):
                raise ConfigError(f"a list must hold lines of text, not {type(line).__name__}")
        text = "\n".join(line.rstrip("\r\n") for line in lines)
        yield Source("", iter([text.encode("utf-8", "surrogatepass")]))


def _reader(one: Source, options: dict[str, Any]) -> _core.Reader:
    core_options = _checked(**{"source": one.name or None, **options})
    core_options.file = one.path
    return _core.Reader(core_options, _enrichment())


def _read_all(one: Source, damaged: str, options: dict[str, Any]) -> LogBatch:
    try:
        reader = _reader(one, options)
        if one.descriptor is not None:
            reader.feed_descriptor(one.descriptor)
        try:
            for block in one.blocks:
                reader.feed(block)
        except Damaged as error:
            return _damage(reader, one, error, damaged)
        return LogBatch._from_core(reader.finish())
    finally:
        one.close()


def _damage(reader: _core.Reader, one: Source, error: Damaged, damaged: str) -> LogBatch:
    core = reader.finish()
    if damaged == "keep":
        core.add_reject(core.counts["lines"] + 1, error.offset, "truncated", str(error), one.path)
        return LogBatch._from_core(core)
    partial = LogBatch._from_core(core)
    failure = ParseError(
        f"{one.name or 'input'}: {error} at byte {error.offset} of the compressed data; "
        f"{partial.num_rows} records before it can be read: fetch the file again, or keep "
        "these with damaged='keep' (--damaged keep)"
    )
    failure.partial = partial
    raise failure


def _iterate(
    sources: Iterator[Source], batch_rows: int, damaged: str, options: dict[str, Any]
) -> Iterator[LogBatch]:
    held: list[LogBatch] = []
    rows = 0
    for one in sources:
        try:
            reader = _reader(one, options)
            for core in _progress(reader, one, batch_rows, damaged):
                held.append(LogBatch._from_core(core))
                rows += core.num_rows
                while rows >= batch_rows:
                    batch, held = _split(held, batch_rows)
                    rows -= batch_rows
                    yield batch
        finally:
            one.close()
    if rows or any(batch.counts["lines"] for batch in held):
        yield LogBatch.concat(held)


def _progress(
    reader: _core.Reader, one: Source, batch_rows: int, damaged: str
) -> Iterator[_core.LogBatch]:
    if one.descriptor is not None:
        while reader.feed_descriptor(one.descriptor, batch_rows):
            yield reader.take(batch_rows)
    try:
        for block in one.blocks:
            reader.feed(block)
            while reader.ready_rows >= batch_rows:
                yield reader.take(batch_rows)
    except Damaged as error:
        yield _damage(reader, one, error, damaged)._core
        return
    reader.close()
    while reader.ready_rows >= batch_rows:
        yield reader.take(batch_rows)
    yield reader.finish()


def _split(held: list[LogBatch], rows: int) -> tuple[LogBatch, list[LogBatch]]:
    """The first ``rows`` records, and the rest."""
    whole = LogBatch.concat(held)
    if whole.num_rows == rows:
        return whole, []
    first, rest = _core.split(whole._core, rows)
    return LogBatch._from_core(first), [LogBatch._from_core(rest)]
