"""The detector of a store as a file beside it, with the record up to which it has read.

A service that starts again goes on from here instead of reading old records to learn once more
what is usual. The file is only ever a short cut: one that is missing, damaged, older than the
program or of another store is not used.
"""

from __future__ import annotations

import hashlib
import logging
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from logforest._model_file import ModelFile, sealed, unsealed
from logforest.detection.detector import Detector
from logforest.errors import ModelError

if TYPE_CHECKING:
    from logforest.stores.base import Store

__all__ = ["DetectorFile", "SavedDetector"]

log = logging.getLogger("logforest.detection")

_MAGIC = b"LFDF0001"
_HEAD = struct.Struct("<qQ")


@dataclass(slots=True)
class SavedDetector(ModelFile):
    """A detector that has seen the records up to id ``position``.

    ``witness``: a hash of that record, 0 if there is none of that id; tells stores apart.
    """

    detector: Detector
    position: int
    witness: int

    _magic = _MAGIC

    def to_bytes(self) -> bytes:
        """Magic, position, witness, the detector, SHA-256 over all of it."""
        head = _HEAD.pack(self.position, self.witness)
        return sealed(_MAGIC, head, self.detector.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse of :meth:`to_bytes`; ModelError for anything else."""
        body = unsealed(_MAGIC, data, "saved detector")
        if len(body) < _HEAD.size:
            raise ModelError("saved detector: it ends too early")
        position, witness = _HEAD.unpack_from(body)
        return cls(Detector.from_bytes(bytes(body[_HEAD.size :])), position, witness)


class DetectorFile:
    """Keeps the detector of one store in one file.

    Parameters
    ----------
    path
        The file; replaced as a whole by every :meth:`save`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._failed = False

    def load(self, store: Store, like: Detector) -> SavedDetector | None:
        """What was saved, if it can be gone on with; else None, and one warning that says why.

        ``like`` has the settings that the detector must have been made with.
        """
        try:
            saved = SavedDetector.load(self.path)
        except FileNotFoundError:
            return None
        except (ModelError, OSError) as error:
            return self._refuse(str(error))
        if saved.detector.options != like.options:
            return self._refuse(f"{self.path}: the settings were others")
        if not 0 <= saved.position <= store.detected_id():
            return self._refuse(f"{self.path}: it is ahead of the store")
        if saved.witness and saved.witness != (_witness(store, saved.position) or saved.witness):
            return self._refuse(f"{self.path}: it belongs to another store")
        return saved

    def save(self, store: Store, detector: Detector, position: int) -> bool:
        """Write the file; False and one warning when that is not possible."""
        try:
            SavedDetector(detector, position, _witness(store, position)).save(self.path)
        except OSError as error:
            if not self._failed:
                log.warning("the detector is not saved: %s: %s", self.path, error.strerror)
            self._failed = True
            return False
        self._failed = False
        return True

    @staticmethod
    def _refuse(why: str) -> None:
        log.warning("the saved detector is not used, stored records are read again: %s", why)


def _witness(store: Store, log_id: int) -> int:
    """A hash of one stored record; 0 if there is none of that id."""
    found = store.log(log_id)
    if not found.num_rows:
        return 0
    record = [found[name][0].as_py() for name in ("timestamp", "created_at", "message")]
    return int.from_bytes(hashlib.sha256(repr(record).encode()).digest()[:8], "little")
