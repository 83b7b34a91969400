"""The demo without an end: some hours that are over, at once, then as time goes by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from logforest.demo import plan

if TYPE_CHECKING:
    from logforest.demo.incidents import Incident
    from logforest.demo.traffic import Traffic

__all__ = ["STAGE_MINUTES", "Live"]

#: Planned at once; the asked-for incidents of each kind are spread over it.
STAGE_MINUTES = 150
_STEP_SECONDS = 0.25  # a block holds what came up meanwhile
_SEED_STEP = 1_000_003  # between stages


class Live:
    """Traffic that keeps pace with the clock; stages of it are laid out one after the other.

    Parameters
    ----------
    hours
        The past that comes first, without incidents: what is usual can be learned from it.
    density, seed, format
        As of :func:`logforest.demo.generate`. Same seed and start, same text.
    incidents
        Of each kind in every :data:`STAGE_MINUTES`.
    clock, wait
        The time in seconds since 1970, and how to let some of it pass.
    on_incident
        Called when an incident begins.

    Examples
    --------
    >>> now = [1_780_000_000.0]
    >>> live = Live(hours=1, density=60, clock=lambda: now[0],
    ...             wait=lambda seconds: now.append(now.pop() + seconds))
    >>> blocks = live.blocks()
    >>> next(blocks).count(b"\\n") > 20, now[0]  # the past
    (True, 1780000000.0)
    >>> next(blocks)[:1], bool(now[0] > 1_780_000_000)
    (b'{', True)
    """

    def __init__(
        self,
        *,
        hours: float = 2.0,
        density: float = 1200.0,
        seed: int = 0,
        format: str = "json",
        incidents: int = 1,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], object] = time.sleep,
        on_incident: Callable[[Incident], object] = lambda _: None,
    ) -> None:
        self._options = (density, format)
        self._seed = seed
        self._per_stage = incidents
        self._clock = clock
        self._wait = wait
        self._on_incident = on_incident
        self._stages = 0
        self._past = max(0, round(hours * 60))
        now = datetime.fromtimestamp(clock(), UTC).replace(second=0, microsecond=0)
        self.start = now - timedelta(minutes=self._past)
        self.incidents: list[Incident] = []  # that have begun
        self.records = 0  # given out
        self._stage: Traffic = self._plan(self.start, self._past)

    def _plan(self, start: datetime, past: int) -> Traffic:
        density, fmt = self._options
        stage = plan(
            hours=(past + STAGE_MINUTES) / 60,
            start=start,
            density=density,
            seed=self._seed + self._stages * _SEED_STEP,
            format=fmt,
            incidents=self._per_stage,
            quiet=past / (past + STAGE_MINUTES),
        )
        self._stages += 1
        self._told = 0  # of its incidents
        return stage

    def blocks(self) -> Iterator[bytes]:
        """Whole lines, in order of time, each when its time has come."""
        while True:
            for text, micros in self._stage.timed_blocks():
                yield from self._paced(text, micros / 1e6)
            after = self._stage.start + timedelta(minutes=self._stage.minutes)
            self._stage = self._plan(after, 0)

    def _paced(self, text: bytes, seconds: np.ndarray) -> Iterator[bytes]:
        # Shippers that send in bunches are not in order of time: a line waits for those before.
        due = np.maximum.accumulate(seconds)
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
        done = at = 0
        while done < len(due):
            now = self._clock()
            self._announce(now)
            ready = int(np.searchsorted(due, now, side="right"))
            if ready > done:
                end = int(ends[ready - 1])
                self.records += ready - done
                yield text[at:end]
                done, at = ready, end
            else:
                # In small steps: incidents are told in time, and clocks may be set.
                self._wait(min(max(_STEP_SECONDS, due[done] - now), 1.0))

    def _announce(self, now: float) -> None:
        while self._told < len(self._stage.incidents):
            incident = self._stage.incidents[self._told]
            if incident.start.timestamp() > now:
                break
            self._told += 1
            self.incidents.append(incident)
            self._on_incident(incident)
