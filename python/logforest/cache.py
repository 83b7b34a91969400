"""Answers kept in memory: computed once for all who ask at the same time.

An answer is given again while nothing new was stored, up to its time to live. When something was
stored it is computed anew, but no sooner than three times the time that took, so that a flood of
writes cannot turn into a flood of queries.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

__all__ = ["Cache"]

_COST_SHARE = 3


@dataclass(slots=True)
class _Entry:
    value: Any
    version: object
    made: float
    cost: float


class Cache:
    """At most ``size`` answers; the least recently used go first. Thread safe.

    Examples
    --------
    >>> cache = Cache()
    >>> cache.get("n", ttl=60, version=1, make=lambda: 41 + 1)
    42
    >>> cache.get("n", ttl=60, version=1, make=lambda: 0)
    42
    """

    def __init__(self, size: int = 512) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, *, ttl: float, version: object, make: Callable[[], Any]) -> Any:
        """The answer for ``key``; ``make`` is called by one thread while the others wait."""
        found = self._fresh(key, ttl, version)
        if found is not None:
            return found.value
        with self._lock:
            gate = self._making.setdefault(key, threading.Lock())
        with gate:
            found = self._fresh(key, ttl, version)
            if found is not None:
                return found.value
            started = time.monotonic()
            value = make()
            done = time.monotonic()
            with self._lock:
                self._entries[key] = _Entry(value, version, done, done - started)
                self._entries.move_to_end(key)
                while len(self._entries) > self._size:
                    old, _ = self._entries.popitem(last=False)
                    self._making.pop(old, None)
            return value

    def _fresh(self, key: Hashable, ttl: float, version: object) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            age = time.monotonic() - entry.made
            usable = age < ttl if entry.version == version else age < _COST_SHARE * entry.cost
            if not usable or age >= ttl:
                return None
            self._entries.move_to_end(key)
            return entry
