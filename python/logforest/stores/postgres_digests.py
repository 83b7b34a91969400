"""Digests of search segments: which records of a segment can hold the terms of a search.

Those of the newest segments stay in memory, since fetching them takes longer than looking through
them. What is kept is what Postgres gave: it is decompressed for each search.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from logforest import _core
from logforest.sql import statement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from logforest._core import PgSession
    from logforest.stores.postgres_segments import Step

__all__ = ["Digests"]

_PART = 128  # digests fetched and looked through at a time
_MOST_BYTES = 64 << 20  # of digests in memory
_OVERHEAD = 400  # bytes that one takes besides
_DENSE = 8  # of a segment with more than an n-th of hits all records are read,
_MOST_PEERS = 64  # or if more records than this share a time: times are what hits are found by

Hits = list["NDArray[np.int64] | None"]


class _Identity(NamedTuple):
    """What no two segments share, not even after the database was set back to an older state."""

    min_time: int
    max_time: int
    runs: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    identity: _Identity
    digest: bytes | None

    @property
    def size(self) -> int:
        return _OVERHEAD + len(self.identity.runs) + len(self.digest or b"")


class Digests:
    """Digests of one database, the newest of them in memory. Several threads may use one object.

    Args:
        most_bytes: of digests that are kept.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: dict[int, _Kept] = {}
        self._bytes = 0
        self._oldest: int | None = None  # max_time of the newest that there was no room for
        self._lock = threading.Lock()

    def hits(
        self, session: PgSession, terms: Sequence[str], step: Step, begin: int, end: int
    ) -> Hits:
        """Records (time, id, peers) of segments ``begin`` to ``end`` that may hold the terms.

        None: all of a segment's may, or too many to read one by one.
        """
        found: Hits = [None] * (end - begin)
        here: dict[int, bytes | None] = {}  # position -> digest
        missing: list[int] = []
        for at in range(begin, end):
            kept = self._kept.get(int(step.seq[at]))
            if kept is not None and kept.identity == _identity(step, at):
                here[at] = kept.digest
            else:
                missing.append(at)

        def fetch(part: list[int]) -> dict[int, bytes | None]:
            table = pa.table(
                session.query(statement("postgres", "select_digests"), [step.seq[part].tolist()])
            )
            digests = dict(zip(table["seq"].to_pylist(), table["digest"].to_pylist(), strict=True))
            return {at: digests.get(int(step.seq[at])) for at in part}

        def look(digests: dict[int, bytes | None]) -> None:
            some = _core.search_digests(
                terms, list(digests.values()), [step.runs[at] for at in digests]
            )
            for at, rows in zip(digests, some, strict=True):
                found[at - begin] = _worth(rows, int(step.rows[at]))

        parts = [missing[i : i + _PART] for i in range(0, len(missing), _PART)]
        if not parts:
            look(here)
            return found
        # While some are looked through, Postgres reads the next.
        with ThreadPoolExecutor(1, "lf-digests") as ahead:
            fetched = ahead.submit(fetch, parts[0])
            look(here)
            for n in range(len(parts)):
                digests = fetched.result()
                if n + 1 < len(parts):
                    fetched = ahead.submit(fetch, parts[n + 1])
                look(digests)
                self._keep(step, digests)
        return found

    def _keep(self, step: Step, digests: dict[int, bytes | None]) -> None:
        with self._lock:
            room = self._bytes < self._most * 3 // 4
            for at, digest in digests.items():
                kept = _Kept(_identity(step, at), digest)
                if room or self._oldest is None or kept.identity.max_time > self._oldest:
                    before = self._kept.pop(int(step.seq[at]), None)
                    self._kept[int(step.seq[at])] = kept
                    self._bytes += kept.size - (0 if before is None else before.size)
            if self._bytes > self._most:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        by_time = sorted(self._kept.items(), key=lambda item: item[1].identity.max_time)
        for seq, kept in by_time:
            if self._bytes <= self._most * 7 // 8:
                break
            del self._kept[seq]
            self._bytes -= kept.size
            self._oldest = kept.identity.max_time


def _identity(step: Step, at: int) -> _Identity:
    return _Identity(int(step.times[at, 0]), int(step.times[at, 1]), step.runs[at])


def _worth(rows: NDArray[np.int64] | None, of: int) -> NDArray[np.int64] | None:
    """The hits, if it is worth to read them one by one."""
    if rows is None or len(rows) * _DENSE > of:
        return None
    if len(rows) and rows[:, 2].mean() > _MOST_PEERS:
        return None
    return rows
