"""The in-process queue: order, bounds, closing."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from logforest import QueueError
from logforest.queues.base import QueueFull, Submission
from logforest.queues.embedded import EmbeddedQueue


def submission(size: int) -> Submission:
    return Submission(body=b"x" * size, future=Future())


def test_order_and_group_bounds() -> None:
    q = EmbeddedQueue(1 << 20)
    items = [submission(100) for _ in range(5)]
    for item in items:
        q.put(item)
    assert q.take(250, 10, 0) == items[:2]
    assert q.take(1000, 2, 0) == items[2:4]
    assert q.take(1, 10, 0) == items[4:]  # at least one, however large
    assert q.take(1, 10, 0) == []


def test_full_until_released() -> None:
    q = EmbeddedQueue(5000)
    first = submission(4000)
    q.put(first)
    with pytest.raises(QueueFull) as full:
        q.put(submission(1000))
    assert full.value.retry_after >= 1
    assert full.value.retryable
    assert q.take(10_000, 10, 0) == [first]
    with pytest.raises(QueueFull):  # being worked on still counts
        q.put(submission(1000))
    q.release([first])
    assert q.held == (0, 0)
    q.put(submission(1000))


def test_one_oversized_body_passes_when_alone() -> None:
    q = EmbeddedQueue(100)
    q.put(submission(5000))
    assert len(q.take(100, 1, 0)) == 1


def test_close_wakes_the_consumer_and_drains() -> None:
    q = EmbeddedQueue(5000)
    got: list[list[Submission]] = []
    thread = threading.Thread(target=lambda: got.append(q.take(100, 1, timeout=600)))
    thread.start()
    q.close()
    thread.join(300)
    assert got == [[]]
    assert q.closed
    with pytest.raises(QueueError, match="shutting down"):
        q.put(submission(1))


def test_few_submissions_wait_a_moment_for_the_expected_ones() -> None:
    q = EmbeddedQueue(1 << 20)
    q.put(submission(10))
    assert len(q.take(1000, 10, 0, expected=5)) == 1  # nobody came
    for _ in range(5):
        q.put(submission(10))
    assert len(q.take(1000, 10, 0, expected=5)) == 5
