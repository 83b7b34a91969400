"""The contract of a queue: what the HTTP side needs to hand over what it received.

The embedded profile answers after the commit; the server profile after Redis has the block.
Both give the same answer: how many records, from which id, and what was rejected.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from logforest.errors import QueueError

__all__ = ["Answer", "Queue", "QueueFull", "QueueStatus", "Rejected", "Submission", "Waiter"]


class QueueFull(QueueError):
    """Nothing was taken; try again after ``retry_after`` seconds."""

    retryable = True

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Rejected:
    """One line that could not be read. ``line`` counts from 1 within the body it came in."""

    line: int
    offset: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one submission."""

    accepted: int
    first_id: int | None  # ids are first_id .. first_id + accepted - 1
    rejected: tuple[Rejected, ...] = ()  # the first ones, see rejected_total
    rejected_total: int = 0
    repeated: bool = False  # the key was seen before; this is what was answered then


class Waiter(ABC):
    """Where an answer goes, for callers to whom a future of asyncio costs too much.

    Answers of one commit come together, in the waiter's event loop.
    """

    __slots__ = ()

    @abstractmethod
    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop in which :meth:`settle` is to be called."""

    @staticmethod
    @abstractmethod
    def settle(outcomes: Sequence[tuple[Submission, Answer | Exception]]) -> None:
        """Take the answers of submissions whose ``future`` is of this class."""


@dataclass(slots=True, eq=False)
class Submission:
    """Raw bytes as received, and where the answer goes."""

    body: bytes
    future: asyncio.Future[Answer] | Future[Answer] | Waiter
    tenant: str = "default"
    format: str = "auto"
    service: str = ""
    source: str = ""
    key: str = ""  # idempotency key; empty: none
    digest: str = ""  # of the body, when there is a key
    trace: str = ""  # traceparent of the request (W3C Trace Context), where it had one
    received_us: int = 0
    answered: bool = False


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The state of a queue, for ``GET /queue/status``."""

    waiting: int  # submissions taken but not yet answered
    waiting_bytes: int
    capacity_bytes: int
    lag: int  # records stored but not yet scored
    details: dict[str, object] = field(default_factory=dict)


class Queue(Protocol):
    """Thread safe."""

    def submit(self, submission: Submission) -> None:
        """Take it, or raise QueueFull at once. The future is resolved later, exactly once."""

    def status(self) -> QueueStatus:
        """How much waits."""

    def close(self, *, timeout: float) -> None:
        """Take nothing more and finish what was taken; idempotent."""
