"""Files of models: what every estimator with ``to_bytes`` and ``from_bytes`` shares."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import ClassVar, Self

from logforest.errors import ModelError

__all__ = ["ModelFile", "sealed", "unsealed"]

_MOST_BYTES = 1 << 31
_DIGEST = 32


def sealed(magic: bytes, *parts: bytes) -> bytes:
    """Magic, parts, and the SHA-256 of all of it."""
    data = b"".join([magic, *parts])
    return data + hashlib.sha256(data).digest()


def unsealed(magic: bytes, data: bytes, what: str) -> memoryview:
    """What stands between magic and digest; ModelError unless both are right."""
    if len(data) < len(magic) + _DIGEST or data[: len(magic)] != magic:
        raise ModelError(f"not a {what} (or of another version)")
    if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise ModelError(f"{what}: the checksum does not match")
    return memoryview(data)[len(magic) : -_DIGEST]


class ModelFile:
    """``save`` and ``load`` over ``to_bytes`` and ``from_bytes``; nothing is ever unpickled."""

    _magic: ClassVar[bytes] = b"LOGFOREST"

    def to_bytes(self) -> bytes:
        """The model as bytes: versioned, checksummed, no code inside."""
        raise NotImplementedError

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse of :meth:`to_bytes`; ModelError for anything else."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, which appears whole or not at all."""
        target = Path(path)
        data = self.to_bytes()
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # or the name may outlive a power cut and the data not
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file of :meth:`save`; ModelError for anything else, OSError when unreadable."""
        source = Path(path)
        with source.open("rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode) or info.st_size > _MOST_BYTES:
                raise ModelError(f"{source}: not a model file (no regular file, or too large)")
            if file.read(len(cls._magic)) != cls._magic:
                raise ModelError(f"{source}: not a logforest file")
            file.seek(0)
            data = file.read(_MOST_BYTES)
        try:
            return cls.from_bytes(data)
        except ModelError as error:
            raise ModelError(f"{source}: {error}") from None
