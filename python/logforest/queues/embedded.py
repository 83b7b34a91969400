"""The in-process queue: bounded by bytes and by number, many producers, one consumer."""

from __future__ import annotations

import threading
from collections import deque

from logforest.errors import QueueError
from logforest.queues.base import QueueFull, Submission

__all__ = ["EmbeddedQueue"]

# Bookkeeping of a submission, so that a flood of tiny ones is bounded too.
_OVERHEAD_BYTES = 512
# How long a few small submissions wait for the others; less than a commit takes.
_GATHER_SECONDS = 0.001
_GATHER_BYTES = 1 << 18


class EmbeddedQueue:
    """Submissions in order of arrival.

    What was taken counts until :meth:`release`, so that the bound covers work in progress too.

    Parameters
    ----------
    max_bytes
        Bodies held at once, in bytes. One larger body is taken when nothing else is held.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._items: deque[Submission] = deque()
        self._held_bytes = 0
        self._held = 0
        self._closed = False
        self._awaited = 1
        self._ready = threading.Condition(threading.Lock())

    def put(self, submission: Submission) -> None:
        """Take a submission; QueueFull when there is no room, QueueError when closing."""
        cost = len(submission.body) + _OVERHEAD_BYTES
        with self._ready:
            if self._closed:
                raise QueueError("the service is shutting down; send this again elsewhere")
            if self._held_bytes and self._held_bytes + cost > self.max_bytes:
                raise QueueFull(
                    f"{self._held} requests ({self._held_bytes >> 20} MB) wait to be stored"
                )
            self._held_bytes += cost
            self._held += 1
            self._items.append(submission)
            if len(self._items) == 1 or len(self._items) == self._awaited:
                self._ready.notify()

    def take(
        self, max_bytes: int, max_items: int, timeout: float, *, expected: int = 1
    ) -> list[Submission]:
        """The oldest submissions, at least one unless ``timeout`` seconds pass or it is closed.

        With fewer than ``expected`` there, the others get a moment to arrive: senders that were
        answered together send their next records together.
        """
        with self._ready:
            if not self._items and not self._closed:
                self._ready.wait(timeout)
            if 0 < len(self._items) < expected and self._held_bytes < _GATHER_BYTES:
                self._awaited = expected
                self._ready.wait_for(lambda: len(self._items) >= self._awaited, _GATHER_SECONDS)
                self._awaited = 1
            out: list[Submission] = []
            size = 0
            while self._items and len(out) < max_items:
                size += len(self._items[0].body)
                if out and size > max_bytes:
                    break
                out.append(self._items.popleft())
            return out

    def release(self, submissions: list[Submission]) -> None:
        """Say that these have been answered."""
        size = sum(len(s.body) + _OVERHEAD_BYTES for s in submissions)
        with self._ready:
            self._held -= len(submissions)
            self._held_bytes -= size

    def close(self) -> None:
        """Take nothing more; what is held may still be taken out."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        """Closed and empty."""
        with self._ready:
            return self._closed and not self._items

    @property
    def held(self) -> tuple[int, int]:
        """Submissions and bytes taken in and not yet answered."""
        return self._held, self._held_bytes
