"""Results of several threads, passed on in one order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

__all__ = ["InTurn"]

T = TypeVar("T")


class InTurn(Generic[T]):
    """Passes results on in the order of their numbers, whichever comes first.

    Nobody waits for a result that is missing: those that come early are put aside, and whoever
    brings the missing one passes them on too. Numbers start at 0; each is brought once, with as
    many results as it gave. Any number of threads may bring.

    Args:
        pass_on: is given one result at a time; must not raise.
        most: numbers that are put aside at most. With more the missing ones are no longer waited
            for: they are passed on when they come.

    >>> turns = InTurn(print)
    >>> turns.bring(1, ["b", "c"])
    >>> turns.bring(0, ["a"])
    a
    b
    c
    """

    def __init__(self, pass_on: Callable[[T], None], *, most: int = 8) -> None:
        self._pass_on = pass_on
        self._most = most
        self._next = 0
        self._aside: dict[int, Sequence[T]] = {}
        self._lock = threading.Lock()

    def bring(self, number: int, results: Sequence[T]) -> None:
        """What a number gave, maybe nothing."""
        with self._lock:  # held while passing on: another thread's turn comes after
            self._aside[number] = results
            while self._aside:
                first = min(self._aside)
                if first > self._next and len(self._aside) <= self._most:
                    return
                for result in self._aside.pop(first):
                    self._pass_on(result)
                self._next = max(self._next, first + 1)
