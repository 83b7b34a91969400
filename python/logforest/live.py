"""Live fan-out in the process: what was just committed, to whoever watches.

Publishing costs a commit nothing: it appends a reference. A thread of its own filters and renders
for each subscriber. Every subscriber has a bounded buffer; a slow one loses the oldest frames and
is told how many.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from logforest import _core

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.batch import LogBatch

__all__ = ["DEFAULT_RATE", "TOPICS", "Hub", "Subscriber", "Subscription"]

TOPICS = ("new_logs", "anomalies", "alerts")
_TICK_SECONDS = 0.1
_BATCHES_HELD = 64
_FRAMES_HELD = 5000
_BYTES_HELD = 8 << 20

#: Records a second for a subscriber that names no rate; of a flood the others count as dropped.
DEFAULT_RATE = 5000


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a subscriber wants to see; empty means all."""

    topics: frozenset[str] = frozenset(TOPICS)
    level: frozenset[str] = frozenset()
    service: frozenset[str] = frozenset()
    tenant: str | None = None
    q: str = ""
    rate: int = DEFAULT_RATE  # records a second at most, the newest


@dataclass(eq=False)
class Subscriber:
    """One connection: frames wait here until the connection takes them."""

    loop: asyncio.AbstractEventLoop
    subscription: Subscription
    frames: deque[bytes] = field(default_factory=deque)
    held_bytes: int = 0
    dropped: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def extend(self, frames: Sequence[bytes], dropped: int) -> None:
        """In the subscriber's loop: add frames; the oldest give way."""
        self.frames.extend(frames)
        self.held_bytes += sum(map(len, frames))
        self.dropped += dropped
        while len(self.frames) > _FRAMES_HELD or self.held_bytes > _BYTES_HELD:
            self.held_bytes -= len(self.frames.popleft())
            self.dropped += 1
        self.ready.set()

    async def next(self) -> bytes:
        """The next frame; a ``gap`` frame first when some were lost."""
        while not self.frames and not self.dropped:
            self.ready.clear()
            await self.ready.wait()
        if self.dropped:
            lost, self.dropped = self.dropped, 0
            return orjson.dumps({"topic": "gap", "payload": {"dropped": lost}})
        frame = self.frames.popleft()
        self.held_bytes -= len(frame)
        return frame


class Hub:
    """Takes committed batches from any thread, serves subscribers of any event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._subscribers: set[Subscriber] = set()
        self._logs: deque[LogBatch] = deque()
        self._lost_rows = 0
        self._events: deque[tuple[str, list[dict[str, object]]]] = deque(maxlen=_BATCHES_HELD)
        self._closed = False
        self.watched = threading.Event()  # set while there are subscribers
        self.fed = threading.Event()  # set while what is committed comes here
        self.fed.set()
        self._thread = threading.Thread(target=self._run, name="lf-live", daemon=True)
        self._thread.start()

    @property
    def subscribers(self) -> int:
        """How many watch."""
        return len(self._subscribers)

    def subscribe(self, subscription: Subscription) -> Subscriber:
        """Register the calling event loop's subscriber; give it back to :meth:`unsubscribe`."""
        subscriber = Subscriber(asyncio.get_running_loop(), subscription)
        with self._lock:
            self._subscribers.add(subscriber)
            self.watched.set()
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        with self._lock:
            self._subscribers.discard(subscriber)
            if not self._subscribers:
                self.watched.clear()

    def publish_logs(self, logs: LogBatch) -> None:
        """Show a committed batch."""
        if not self._subscribers:
            return
        with self._wake:
            self._logs.append(logs)
            if len(self._logs) > _BATCHES_HELD:
                self._lost_rows += self._logs.popleft().num_rows
            self._wake.notify()

    def publish(self, topic: str, rows: list[dict[str, object]]) -> None:
        """Show anomalies or alerts."""
        if not self._subscribers or not rows:
            return
        with self._wake:
            self._events.append((topic, rows))
            self._wake.notify()

    def close(self) -> None:
        """Stop the thread; idempotent."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._logs and not self._events and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                batches = list(self._logs)
                self._logs.clear()
                events = list(self._events)
                self._events.clear()
                lost, self._lost_rows = self._lost_rows, 0
                subscribers = list(self._subscribers)
            for subscriber in subscribers:
                frames, dropped = render(subscriber.subscription, batches, events)
                if frames or dropped or lost:
                    self._deliver(subscriber, frames, dropped + lost)
            time.sleep(_TICK_SECONDS)  # what comes meanwhile is shown together

    def _deliver(self, subscriber: Subscriber, frames: list[bytes], dropped: int) -> None:
        try:
            subscriber.loop.call_soon_threadsafe(subscriber.extend, frames, dropped)
        except RuntimeError:  # its loop has ended
            self.unsubscribe(subscriber)


def render(
    wanted: Subscription,
    batches: Sequence[LogBatch],
    events: Sequence[tuple[str, list[dict[str, object]]]],
) -> tuple[list[bytes], int]:
    """Frames for a subscription, and how many records of a flood were left out."""
    frames: list[bytes] = []
    dropped = 0
    most = max(1, int(wanted.rate * _TICK_SECONDS))
    if "new_logs" in wanted.topics:
        for logs in reversed(batches):  # the newest matter most
            shown, left_out = _matching(wanted, logs, most - len(frames))
            frames[:0] = shown
            dropped += left_out
    for topic, rows in events:
        if topic in wanted.topics:
            frames.extend(
                orjson.dumps({"topic": topic, "payload": row})
                for row in rows
                if _event_matches(wanted, row)
            )
    return frames, dropped


def _matching(wanted: Subscription, logs: LogBatch, room: int) -> tuple[list[bytes], int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    table: pa.Table = pa.table(logs)
    masks = []
    for column in ("level", "service"):
        values = getattr(wanted, column)
        if values:
            text = table[column].cast(pa.string())
            masks.append(pc.is_in(text, value_set=pa.array(sorted(values))))
    if wanted.tenant is not None:
        masks.append(pc.equal(table["tenant"].cast(pa.string()), wanted.tenant))
    if wanted.q:
        masks.append(pc.match_substring(table["message"], wanted.q, ignore_case=True))
    for mask in masks:
        # Masks are as long as the first table: filter once, with all of them.
        masks[0] = pc.and_(masks[0], mask)
    if masks:
        table = table.filter(masks[0])
    shown = max(0, min(room, table.num_rows))
    dropped = table.num_rows - shown
    if not shown:
        return [], dropped
    core = _core.LogBatch.from_arrow(table.slice(table.num_rows - shown).combine_chunks())
    lines = _core.render_ndjson(core).splitlines()
    return [b'{"topic":"new_logs","payload":' + line + b"}" for line in lines], dropped


def _event_matches(wanted: Subscription, row: dict[str, object]) -> bool:
    return (not wanted.service or row.get("service") in wanted.service) and (
        wanted.tenant is None or row.get("tenant") == wanted.tenant
    )
