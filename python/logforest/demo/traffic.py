"""The demo's clock: how many records each stream has in each minute, and their columns.

A stream is a service's usual traffic, its deployments, a nightly job or what an incident adds.
The number of records of every (minute, stream) is drawn first; after that each block of minutes
has its own random generator, so the text does not depend on how far it was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from logforest.demo import columns, render
from logforest.demo.incidents import Incident, deployments, new_exception, schedule
from logforest.demo.services import BATCH_JOB, DEPLOYMENT, LOGIN_FAILED, SERVICES, Event

_BLOCK_RECORDS = 60_000
_NAMES = [service.name for service in SERVICES]


@dataclass(slots=True)
class _Stream:
    """Records of one kind of origin: expected number per minute and the choice of events."""

    service: int
    rate: np.ndarray
    events: Sequence[Event]
    attackers: np.ndarray | None = None  # few addresses trying many users
    cumulative: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        weights = np.cumsum([event.weight for event in self.events])
        self.cumulative = weights / weights[-1]


class Traffic:
    """The plan of one run of the demo; ``blocks()`` renders it. See :func:`generate`."""

    def __init__(
        self,
        *,
        start: datetime,
        minutes: int,
        records: int | None,
        density: float,
        seed: int,
        fmt: str,
        incidents: int,
        quiet: float,
    ) -> None:
        self.start = start
        self.minutes = minutes
        self.fmt = fmt
        self._seed = seed
        rng = np.random.default_rng([seed, 0])
        self.incidents: list[Incident] = schedule(rng, start, minutes, incidents, quiet)
        self.deployments = deployments(rng, minutes)
        self._latency = np.ones((minutes, len(SERVICES)))
        self._streams = self._make_streams(rng, density)
        rates = np.stack([stream.rate for stream in self._streams], axis=1)
        if records is None:
            self._counts = rng.poisson(rates)
        else:
            share = (rates / rates.sum()).ravel()
            self._counts = rng.multinomial(records, share).reshape(rates.shape)
        self.records = int(self._counts.sum())
        self._versions = self._version_table()
        self._parts: dict[tuple[int, int], list[str | tuple[str]]] = {}

    # --- the plan ---------------------------------------------------------------------------
    def _base_rates(self, rng: np.random.Generator, density: float) -> np.ndarray:
        """Records per minute and service: daily and weekly rhythm, slow wandering."""
        midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        minute = np.arange(self.minutes) + (self.start - midnight) / timedelta(minutes=1)
        day = self.start.weekday() + minute / 1440
        rhythm = 1.0 - 0.55 * np.cos(2 * np.pi * (minute / 1440 - 0.125))
        rhythm *= np.where(day % 7 >= 5, 0.7, 1.1)
        shares = np.array([service.share for service in SERVICES])
        wander = np.ones((self.minutes, len(SERVICES)))
        for period in (23.0, 61.0, 173.0):
            phase = rng.uniform(0, 2 * np.pi, len(SERVICES))
            wander += 0.03 * np.sin(2 * np.pi * minute[:, None] / period + phase)
        return np.asarray(density * rhythm[:, None] * shares * wander)

    def _make_streams(self, rng: np.random.Generator, density: float) -> list[_Stream]:
        http_only = self.fmt in render.HTTP_ONLY

        def usable(events: Sequence[Event]) -> list[Event]:
            return [event for event in events if event.http or not http_only]

        rates = self._base_rates(rng, density)
        streams = [
            _Stream(number, rates[:, number], usable(service.events))
            for number, service in enumerate(SERVICES)
        ]
        for incident in self.incidents:
            first = (incident.start - self.start) // timedelta(minutes=1)
            span = slice(first, (incident.end - self.start) // timedelta(minutes=1))
            streams += self._apply(rng, incident, span, streams)
        return streams if http_only else streams + self._background(density)

    def _apply(
        self, rng: np.random.Generator, incident: Incident, span: slice, streams: list[_Stream]
    ) -> list[_Stream]:
        """Changes the usual streams inside ``span``; returns the streams that come on top."""
        number = _NAMES.index(incident.service)
        service = SERVICES[number]
        usual = streams[number].rate
        extra = np.zeros(self.minutes)
        match incident.kind:
            case "silent_service":
                usual[span] = 0.0
                return []
            case "latency_drift":
                ramp = np.linspace(0.5, 1.0, span.stop - span.start)
                self._latency[span, number] = incident.strength * ramp
                return []
            case "credential_stuffing":
                extra[span] = usual[span] * incident.strength
                attackers = rng.integers(1, 255, int(rng.integers(2, 7)))
                return [_Stream(number, extra, [LOGIN_FAILED], attackers)]
            case "error_burst":
                events: Sequence[Event] = service.outage
            case _:
                events = [new_exception(rng, service)]
        extra[span] = usual[span] * incident.strength
        usual[span] *= 1.0 - incident.strength
        return [_Stream(number, extra, events)]

    def _background(self, density: float) -> list[_Stream]:
        """Deployments (a few records, cold caches) and a stock job five minutes past each hour."""
        streams = []
        for minute, number, _ in self.deployments:
            rate = np.zeros(self.minutes)
            rate[minute] = 3.0 * len(DEPLOYMENT)
            if self._renders(number, DEPLOYMENT[0]):
                streams.append(_Stream(number, rate, DEPLOYMENT))
            self._latency[minute : minute + 2, number] *= 1.25
        rate = np.zeros(self.minutes)
        rate[(np.arange(self.minutes) + self.start.minute) % 60 == 5] = 0.02 * density
        streams.append(_Stream(_NAMES.index("inventory"), rate, BATCH_JOB))
        return streams

    def _renders(self, number: int, event: Event) -> bool:
        # In mixed traffic the gateway writes an access log: it has no line for a deployment.
        fmt = render.MIXED[_NAMES[number]] if self.fmt == "mixed" else self.fmt
        return event.http or fmt not in render.HTTP_ONLY

    def _version_table(self) -> pa.Array:
        """Version of each service by minute, flattened; changed by deployments."""
        table = np.full((self.minutes, len(SERVICES)), "2.14.0", dtype=object)
        for minute, number, version in self.deployments:
            table[minute:, number] = version
        return pa.array(table.ravel(), pa.string()).dictionary_encode()

    # --- the records ------------------------------------------------------------------------
    def blocks(self) -> Iterator[bytes]:
        """Text of whole minutes, about 60,000 records at a time, in order of time."""
        return (text for text, _ in self.timed_blocks())

    def timed_blocks(self) -> Iterator[tuple[bytes, np.ndarray]]:
        """The same, and the time of every line in microseconds since 1970."""
        if self.records == 0:
            return
        per_minute = self._counts.sum(axis=1)
        first = 0
        while first < self.minutes:
            room = np.cumsum(per_minute[first:])
            last = first + max(1, int(np.searchsorted(room, _BLOCK_RECORDS, side="right")))
            text, micros = self._block(first, min(last, self.minutes))
            if text:
                yield text, micros
            first = last

    def _block(self, first: int, last: int) -> tuple[bytes, np.ndarray]:
        counts = self._counts[first:last]
        rows = int(counts.sum())
        if rows == 0:
            return b"", np.zeros(0, np.int64)
        rng = np.random.default_rng([self._seed, 1, first])
        minutes, streams = np.nonzero(counts)
        repeats = counts[minutes, streams]
        minute = np.repeat(minutes, repeats) + first
        stream = np.repeat(streams, repeats)
        micros = minute * 60_000_000 + rng.integers(0, 60_000_000, rows)
        choice = rng.random(rows)
        order = np.argsort(micros, kind="stable")
        block = columns.Block(
            rng=rng,
            start=self.start,
            micros=micros[order],
            service=np.array([s.service for s in self._streams])[stream[order]],
            versions=self._versions,
        )
        minute, stream, choice = minute[order], stream[order], choice[order]
        block.user_pool(stream, {n: s.attackers for n, s in enumerate(self._streams)})
        event = np.zeros(rows, np.int64)
        for number in np.unique(stream):
            mask = stream == number
            event[mask] = np.searchsorted(self._streams[number].cumulative, choice[mask], "right")
        block.latencies(self._medians(stream, event), self._latency[minute, block.service])
        return self._render(block, stream, event)

    def _medians(self, stream: np.ndarray, event: np.ndarray) -> np.ndarray:
        """[rows, 2]: median and sigma of the response time of each record's event."""
        width = max(len(s.events) for s in self._streams)
        table = np.ones((len(self._streams), width, 2))
        for number, s in enumerate(self._streams):
            table[number, : len(s.events)] = [(max(e.median_ms, 1), e.sigma) for e in s.events]
        return np.asarray(table[stream, event])

    def _render(
        self, block: columns.Block, stream: np.ndarray, event: np.ndarray
    ) -> tuple[bytes, np.ndarray]:
        kind = stream * 64 + event
        by_kind = np.argsort(kind, kind="stable")
        kinds, starts = np.unique(kind[by_kind], return_index=True)
        lines = []
        for code, begin, end in zip(kinds, starts, [*starts[1:], len(kind)], strict=True):
            key = divmod(int(code), 64)
            if key not in self._parts:
                origin = self._streams[key[0]]
                self._parts[key] = render.pieces(
                    self.fmt, _NAMES[origin.service], origin.events[key[1]]
                )
            rows = pa.array(by_kind[begin:end])
            lines.append(
                render.join(
                    self._parts[key],
                    lambda name, rows=rows: block.column(name).take(rows),  # type: ignore[misc]
                    end - begin,
                )
            )
        if self.fmt == "mixed":  # shippers send in bunches: one service after another a minute
            order = np.lexsort((block.micros, block.service, block.micros // 60_000_000))
            position = np.empty_like(by_kind)
            position[by_kind] = np.arange(len(by_kind))
            micros = block.micros[order]
            order = position[order]
        else:
            micros = block.micros
            order = np.argsort(by_kind, kind="stable")
        return render.text_of(pa.concat_arrays(lines).take(pa.array(order))), micros
