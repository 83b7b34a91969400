"""The journal of the embedded store: small commits are durable here before DuckDB has them.

A transaction of DuckDB costs as much for sixty records as for two thousand. So a small block is
appended to a file of ours and synced, which is when it counts as stored; a little later all that
was appended goes into DuckDB in one transaction, together with the number of its last frame.

Files ``<store>.journal.N``: a head (magic, tag of the store), then frames. A frame is a head of
its own (magic, length and CRC-32 of the payload, number, first id, records, CRC-32 of the head,
begun with the tag so that no text of a record can pass for a head) and the records as an Arrow
IPC stream, as they will be stored: masked and numbered. Numbers are consecutive through all
files. All integers are little-endian.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from logforest import _core
from logforest.errors import StoreError

__all__ = ["Frame", "Journal"]

log = logging.getLogger("logforest.journal")

_FILE_HEAD = struct.Struct("<8sq")  # magic, tag
_FILE_MAGIC = b"LFJRNL01"
_HEAD = struct.Struct("<4sIIqqII")  # magic, length, crc of payload, number, first id, rows, crc
_MAGIC = b"LFfr"
_FILE_BYTES = 8 << 20  # from here on the next file
_FIRST_BYTES = 1 << 16
_KEPT_BYTES = 16 << 20  # of the memory in which frames are made


@dataclass(frozen=True, slots=True)
class Frame:
    """What one call of :meth:`Journal.append` made durable."""

    number: int
    first_id: int
    rows: int
    payload: bytes

    def logs(self) -> _core.LogBatch:
        """The records."""
        with pa.ipc.open_stream(self.payload) as reader:
            return _core.LogBatch.from_arrow(reader.read_all())


class Journal:
    """Frames in files beside a store. Not thread safe.

    Parameters
    ----------
    path
        Of the store; the files are named after it.
    tag
        Of the store: frames of another one are refused.
    applied
        The number of the last frame that the store has.
    """

    def __init__(self, path: str, *, tag: int, applied: int) -> None:
        self.path = Path(path)
        self._tag = tag
        self.last = applied
        self._applied = applied
        self._descriptor = -1
        self._size = 0
        self._files: list[tuple[Path, int]] = []  # closed ones, the number of the last frame
        self._open_path: Path | None = None
        self._next_file = 1
        self._buffer = bytearray(_FIRST_BYTES)

    # --- writing -------------------------------------------------------------------------

    def append(self, logs: _core.LogBatch, first_id: int, *, most: int | None = None) -> int:
        """Write and sync a frame; its size in bytes. On an error nothing of it stays.

        With more than ``most`` bytes it is not written: 0.

        Raises
        ------
        StoreError
            The disk is full, or the file cannot be written.
        """
        frame = self._frame(pa.table(logs))
        if most is not None and len(frame) > most:
            return 0
        number = self.last + 1
        payload = frame[_HEAD.size :]
        head = _HEAD.pack(
            _MAGIC, len(payload), zlib.crc32(payload), number, first_id, logs.num_rows, 0
        )[:-4]
        frame[: _HEAD.size] = head + self._head_check(head).to_bytes(4, "little")
        try:
            if self._size >= _FILE_BYTES:
                self._close_file()
            if self._descriptor < 0:
                self._begin_file()
            _write_all(self._descriptor, frame)
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._undo()
            raise self._error(error) from error
        self._size += len(frame)
        self.last = number
        if len(self._buffer) > _KEPT_BYTES:
            self._buffer = bytearray(_FIRST_BYTES)
        return len(frame)

    def _frame(self, table: pa.Table) -> memoryview:
        """Room for a head, and the payload, in memory that is used again and again."""
        try:
            return self._write_stream(table)
        except OSError:  # the buffer is too small
            counted = pa.MockOutputStream()
            with pa.ipc.new_stream(counted, table.schema) as writer:
                writer.write_table(table)
            self._buffer = bytearray(_HEAD.size + 2 * counted.size())
            return self._write_stream(table)

    def _write_stream(self, table: pa.Table) -> memoryview:
        view = memoryview(self._buffer)
        sink = pa.FixedSizeBufferWriter(pa.py_buffer(view[_HEAD.size :]))
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return view[: _HEAD.size + sink.tell()]

    def _begin_file(self) -> None:
        path = self._file(self._next_file)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._descriptor, self._open_path, self._size = descriptor, path, 0
        head = _FILE_HEAD.pack(_FILE_MAGIC, self._tag)
        _write_all(descriptor, head)
        os.fsync(descriptor)
        self._sync_folder()
        self._next_file += 1
        self._size = len(head)

    def _undo(self) -> None:
        """Take back what a failed append left; or the whole file, when that fails too."""
        if self._descriptor < 0:
            return
        if self._size:
            try:
                os.ftruncate(self._descriptor, self._size)
                os.lseek(self._descriptor, self._size, os.SEEK_SET)
                os.fdatasync(self._descriptor)
                return
            except OSError:
                log.exception("%s: what was not written whole cannot be taken back", self.path)
                self._close_file()  # what follows goes to another file
                return
        with contextlib.suppress(OSError):
            os.unlink(self._open_path or "")
        os.close(self._descriptor)
        self._descriptor, self._open_path = -1, None

    def _close_file(self) -> None:
        assert self._open_path is not None
        os.close(self._descriptor)
        self._files.append((self._open_path, self.last))
        self._descriptor, self._open_path, self._size = -1, None, 0

    def _error(self, error: OSError) -> StoreError:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        what = "the disk is full; free space, nothing was acknowledged" if full else "not written"
        failed = StoreError(f"{self._open_path or self.path}: {what} ({error.strerror})")
        failed.retryable = True
        failed.code = "disk_full" if full else ""
        return failed

    # --- after the store has them --------------------------------------------------------

    def forget(self, applied: int, *, all_files: bool = False) -> None:
        """Remove the files of which the store has every frame.

        ``all_files``: also that which is being written, however short; the next frame makes
        another.
        """
        self._applied = applied
        if self._descriptor >= 0 and applied >= self.last and all_files:
            self._close_file()
        while self._files and self._files[0][1] <= applied:
            with contextlib.suppress(FileNotFoundError):
                self._files[0][0].unlink()
            self._files.pop(0)

    def close(self) -> None:
        """Close what is open and remove what is not needed; idempotent."""
        if self._descriptor >= 0:
            self._close_file()
        self.forget(self._applied)

    # --- reading -------------------------------------------------------------------------

    def replay(self) -> Iterator[Frame]:
        """Frames that the store does not have, after a process that did not end in order.

        What was being written when it ended is cut off: nobody was told that it is stored.

        Raises
        ------
        StoreError
            A file is damaged before its end, or belongs to another store.
        """
        found = sorted(
            (int(p.suffix[1:]), p)
            for p in self.path.parent.glob(self.path.name + ".journal.*")
            if p.suffix[1:].isdigit()
        )
        seen = -1
        for number, path in found:
            self._next_file = number + 1
            for frame in self._frames(path):
                expected = seen + 1 if seen >= 0 else min(frame.number, self._applied + 1)
                if frame.number != expected:
                    raise self._damaged(path, 0, f"frame {expected} is missing")
                seen = frame.number
                self.last = max(self.last, seen)
                if seen > self._applied:
                    yield frame
            self._files.append((path, self.last))

    def _frames(self, path: Path) -> Iterator[Frame]:
        data = path.read_bytes()
        if len(data) < _FILE_HEAD.size:
            return  # the process ended while it was made
        magic, tag = _FILE_HEAD.unpack_from(data)
        if magic != _FILE_MAGIC:
            raise self._damaged(path, 0, "it does not begin as a journal does")
        if tag != self._tag:
            raise StoreError(
                f"{path} holds records of another store than {self.path}; put the store back "
                "that was here, or move this file away"
            )
        at = _FILE_HEAD.size
        while at < len(data):
            frame = self._frame_at(data, at)
            if frame is None:
                if self._more_frames(data, at + 1):
                    raise self._damaged(path, at, "what is there is not what was written")
                log.warning(
                    "%s: %d bytes at its end were not written whole and are left out",
                    path,
                    len(data) - at,
                )
                return
            yield frame
            at += _HEAD.size + len(frame.payload)

    def _head_check(self, head: bytes) -> int:
        return zlib.crc32(head, self._tag & 0xFFFFFFFF)

    def _head_at(self, data: bytes, at: int) -> tuple[int, int, int, int, int] | None:
        """(length, crc, number, first id, rows) of a frame of which the head is whole."""
        if at + _HEAD.size > len(data):
            return None
        magic, length, crc, number, first_id, rows, check = _HEAD.unpack_from(data, at)
        if magic != _MAGIC or self._head_check(data[at : at + _HEAD.size - 4]) != check:
            return None
        return length, crc, number, first_id, rows

    def _frame_at(self, data: bytes, at: int) -> Frame | None:
        head = self._head_at(data, at)
        if head is None:
            return None
        length, crc, number, first_id, rows = head
        begin = at + _HEAD.size
        payload = data[begin : begin + length]
        if len(payload) != length or zlib.crc32(payload) != crc:
            return None
        return Frame(number, first_id, rows, payload)

    def _more_frames(self, data: bytes, at: int) -> bool:
        """Whether a frame begins somewhere behind ``at``."""
        while (at := data.find(_MAGIC, at)) >= 0:
            if self._head_at(data, at) is not None:
                return True
            at += 1
        return False

    def _damaged(self, path: Path, at: int, why: str) -> StoreError:
        return StoreError(
            f"{path} is damaged at byte {at}: {why}. Records that were acknowledged would be "
            "lost: restore the file, or move it away to open the store without what it holds"
        )

    # --- the folder ----------------------------------------------------------------------

    def _file(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.journal.{number}")

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    done = os.write(descriptor, data)
    while done < len(data):
        done += os.write(descriptor, memoryview(data)[done:])
