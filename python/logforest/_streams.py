"""Where bytes come from: paths, globs, descriptors, file objects; decompression by content.

Compression is told by the first bytes, never by the name. Data is decompressed in bounded blocks,
so a decompression bomb costs time, not memory, and ``max_ratio`` ends it.
"""

from __future__ import annotations

import bz2
import codecs
import glob
import io
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Protocol

from logforest.errors import ConfigError, ParseError

BLOCK = 1 << 20
#: Below this many bytes of output no ratio is suspicious.
_FREE_OUTPUT = 64 << 20


class Damaged(Exception):
    """The compressed data ends early or is corrupt; ``offset`` is in the compressed file."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what)
        self.offset = offset


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...


class _Gzip:
    """zlib's object with the interface of bz2's and lzma's."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail


class _Zstd:
    """One frame at a time; the library bounds a block's output to its window."""

    def __init__(self) -> None:
        import zstandard

        # 128 MB: the largest window that a decoder must accept (RFC 8878 asks for 8 MB).
        self._inner = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(
            read_across_frames=False
        )
        self._pending = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        del max_length  # small input pieces bound the output instead
        data = self._pending + data
        self._pending = data[4096:]
        return self._inner.decompress(data[:4096])

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._pending

    @property
    def needs_input(self) -> bool:
        return not self._pending


def is_compressed(head: bytes) -> bool:
    """Whether a file with these first bytes (16) is compressed."""
    return _decompressor(head) is not None


def _decompressor(head: bytes) -> tuple[str, Any] | None:
    if head.startswith(b"\x1f\x8b"):
        return "gzip", _Gzip
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2", bz2.BZ2Decompressor
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz", lzma.LZMADecompressor
    if head.startswith(b"\x28\xb5\x2f\xfd") or (
        head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] < 0x60
    ):
        return "zstd", _Zstd
    return None


def _decompressed(raw: Iterator[bytes], head: bytes, max_ratio: float) -> Iterator[bytes]:
    found = _decompressor(head)
    assert found is not None
    kind, make = found
    errors: tuple[type[Exception], ...] = (OSError, EOFError, lzma.LZMAError, zlib.error)
    if kind == "zstd":
        import zstandard

        errors = (*errors, zstandard.ZstdError)
    member: _Decompressor = make()
    read = written = 0
    fresh = True  # nothing of this member was read yet
    data = b""
    for block in raw:
        data = block
        read += len(block)
        while data or not member.needs_input:
            if fresh and kind != "zstd" and not data.strip(b"\0"):
                data = b""  # padding behind the last member
                break
            try:
                out = member.decompress(data, BLOCK)
            except errors as error:
                if fresh and written:  # trailing garbage, as gzip(1) ignores with a warning
                    raise Damaged(f"something that is not {kind} follows the data", read) from error
                raise Damaged(f"the {kind} data is corrupt ({error})", read) from error
            fresh = False
            data = b""
            written += len(out)
            if written > _FREE_OUTPUT and written > read * max_ratio:
                raise ParseError(
                    f"the {kind} data grows more than {max_ratio:g} times: probably a "
                    "decompression bomb; pass a larger max_ratio= if it is meant"
                )
            if out:
                yield out
            if member.eof:
                data = member.unused_data
                member = make()
                fresh = True
    if not fresh:
        raise Damaged(f"the {kind} data ends early", read)


def text_encoding(name: str | None) -> str | None:
    """The codec's own name; None for UTF-8, which needs no decoding. ConfigError if unknown."""
    if name is None:
        return None
    try:
        found = codecs.lookup(name)
        "".encode(name)  # fails for codecs that are not of text
    except (LookupError, ValueError):
        raise ConfigError(f"unknown encoding {name!r}: try latin-1, cp1252 or utf-16") from None
    return None if found.name in ("utf-8", "utf-8-sig", "ascii") else found.name


def too_many(bad: int, lines: int) -> bool:
    """Whether text with so many ill-formed bytes is of another encoding: one in ten lines."""
    return 10 * bad > lines


def not_utf8(block: bytes) -> bool:
    """Whether a piece of text has too many bytes that are not UTF-8."""
    if wide_text(block[:4096]) is not None:
        return True
    decoder = codecs.getincrementaldecoder("utf-8")
    try:
        decoder("strict").decode(block)  # a cut last character is no error
    except UnicodeDecodeError:
        bad = decoder("replace").decode(block).count("\ufffd") - block.count("\ufffd".encode())
        return too_many(bad, block.count(b"\n") + 1)
    return False


def wrong_encoding(name: str) -> ParseError:
    """What to say of it."""
    wide = wide_encoding(name)
    if wide is not None:
        return ParseError(f"{name}: the text is not UTF-8; it looks like --encoding {wide}")
    return ParseError(
        f"{name}: the text is not UTF-8; say what it is: --encoding latin-1, cp1252 ..."
    )


def wide_encoding(name: str) -> str | None:
    """The codec of a file with two or four bytes a character and no mark that is understood."""
    try:
        with open(name, "rb") as handle:
            head = handle.read(4096)
    except OSError:  # standard input, say
        return None
    codec = wide_text(head)
    return None if _is_utf16(head) and codec in ("utf-16-le", "utf-16-be") else codec


def wide_text(head: bytes) -> str | None:
    """The same of its first bytes: told by where the NUL bytes are."""
    size = min(len(head), 4096) // 4
    if size < 4:
        return None
    empty = [head[i : size * 4 : 4].count(0) > 0.7 * size for i in range(4)]
    full = [head[i : size * 4 : 4].count(0) < 0.3 * size for i in range(4)]
    for name, wanted in (
        ("utf-16-le", (0, 1, 0, 1)), ("utf-16-be", (1, 0, 1, 0)),
        ("utf-32-le", (0, 1, 1, 1)), ("utf-32-be", (1, 1, 1, 0)),
    ):  # fmt: skip
        if all((empty if nul else full)[i] for i, nul in enumerate(wanted)):
            return name
    return None


def _decoded(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for block in raw:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", True).encode("utf-8", "surrogatepass")


def _peeked(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _filled_head(raw: Iterator[bytes]) -> bytes:
    head = b""
    for block in raw:
        head += block
        if len(head) >= 16:
            break
    return head


def plain_blocks(
    raw: Iterator[bytes], max_ratio: float, encoding: str | None = None
) -> Iterator[bytes]:
    """Blocks of UTF-8 (or of whatever bytes there are), decompressed and decoded."""
    head = _filled_head(raw)
    if _decompressor(head) is not None:
        inner = _decompressed(_peeked(head, raw), head, max_ratio)
        yield from plain_blocks(inner, max_ratio, encoding)
        return
    if encoding is None and _is_utf16(head):
        encoding = "utf-16"
    blocks = _peeked(head, raw)
    yield from blocks if encoding is None else _decoded(blocks, encoding)


def _is_utf16(head: bytes) -> bool:
    return head.startswith((b"\xff\xfe", b"\xfe\xff"))


def as_utf8(
    data: bytes | bytearray | memoryview, encoding: str | None = None
) -> bytes | bytearray | memoryview:
    """Bytes in memory; what is not UTF-8 (UTF-16 with a byte order mark) is transcoded."""
    if encoding is None and _is_utf16(bytes(data[:2])):
        encoding = "utf-16"
    return data if encoding is None else b"".join(_decoded(iter([bytes(data)]), encoding))


@dataclass
class Source:
    """One thing to read. ``descriptor`` is set when the reader may read the file by itself."""

    name: str
    blocks: Iterator[bytes]
    descriptor: int | None = None
    handle: IO[bytes] | None = None
    path: str = ""  # as it was opened; "" for memory and streams without a name

    def close(self) -> None:
        """Close what was opened here."""
        if self.handle is not None:
            self.handle.close()


def _file_blocks(handle: IO[Any]) -> Iterator[bytes]:
    while block := handle.read(BLOCK):
        yield block.encode("utf-8", "surrogatepass") if isinstance(block, str) else bytes(block)


def open_path(path: str, max_ratio: float, encoding: str | None = None) -> Source:
    """A path, or ``-`` for standard input."""
    if path == "-":
        return Source("", plain_blocks(_file_blocks(sys.stdin.buffer), max_ratio, encoding))
    handle = open(path, "rb", buffering=0)  # noqa: SIM115  (closed by Source.close)
    head = b""
    with suppress(OSError, io.UnsupportedOperation):
        if handle.seekable():
            head = handle.read(16) or b""
            handle.seek(0)
            plain = encoding is None and not _is_utf16(head)
            if head and plain and _decompressor(head) is None:
                return Source(os.path.basename(path), iter(()), handle.fileno(), handle, path)
    return Source(
        os.path.basename(path),
        plain_blocks(_file_blocks(handle), max_ratio, encoding),
        None,
        handle,
        path,
    )


def open_stream(stream: IO[Any], max_ratio: float, encoding: str | None = None) -> Source:
    """A file object, binary or text; it is read from where it stands and not closed."""
    path = getattr(stream, "name", "")
    path = path if isinstance(path, str) and not path.startswith("<") else ""
    if isinstance(stream, io.TextIOBase):
        encoding = None  # it decodes by itself
    blocks = plain_blocks(_file_blocks(stream), max_ratio, encoding)
    return Source(os.path.basename(path), blocks, path=path)


def expand(path: str) -> list[str]:
    """The files of a path or glob, sorted; a path that exists is never taken as a glob."""
    if path == "-" or os.path.exists(path) or not glob.has_magic(path):
        return [path]
    found = sorted(name for name in glob.glob(path, recursive=True) if os.path.isfile(name))
    if not found:
        raise FileNotFoundError(f"no file matches {path!r}")
    return found
