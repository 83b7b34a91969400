"""Prometheus metrics of the service, and the rates that ``/health`` shows."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter as Tally
from collections import deque
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client.core import Metric

    from logforest.service import Service

__all__ = ["Metrics"]

_RATE_SECONDS = 10


class _Rate:
    """Events a second over the last seconds, in buckets of one second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: deque[list[int]] = deque(maxlen=_RATE_SECONDS + 1)  # second, count, errors

    def add(self, error: bool, count: int = 1) -> None:
        second = int(time.monotonic())
        with self._lock:
            if not self._buckets or self._buckets[-1][0] != second:
                self._buckets.append([second, 0, 0])
            self._buckets[-1][1] += count
            self._buckets[-1][2] += error * count

    def totals(self) -> tuple[int, int]:
        oldest = int(time.monotonic()) - _RATE_SECONDS
        with self._lock:
            recent = [b for b in self._buckets if b[0] >= oldest]
        return sum(b[1] for b in recent), sum(b[2] for b in recent)


class _Seconds(Collector):
    """A histogram that takes many values at once."""

    def __init__(self, name: str, help_: str, bounds: Sequence[float]) -> None:
        self._name, self._help, self._bounds = name, help_, bounds
        self._lock = threading.Lock()
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, *seconds: float) -> None:
        with self._lock:
            for value in seconds:
                self._counts[bisect_left(self._bounds, value)] += 1
                self._sum += value

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            below = list(accumulate(self._counts))
            total = self._sum
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        yield HistogramMetricFamily(
            self._name, self._help, list(zip(names, below, strict=True)), total
        )


class Metrics:
    """Names start with ``logforest_``; each service has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.accepted = Counter(
            "logforest_records_accepted", "Records stored.", registry=self.registry
        )
        self.rejected = Counter(
            "logforest_records_rejected", "Lines that could not be read.", registry=self.registry
        )
        self.received = Counter(
            "logforest_received_bytes", "Bytes of request bodies.", registry=self.registry
        )
        self.requests = Counter(
            "logforest_http_requests", "Requests by answer.", ["status"], registry=self.registry
        )
        self.ingest_seconds = _Seconds(
            "logforest_ingest_seconds",
            "From the whole body to the answer.",
            (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.registry.register(self.ingest_seconds)
        self.started = Gauge(
            "logforest_start_time_seconds", "Start, since 1970.", registry=self.registry
        )
        self.started.set(time.time())
        self._rate = _Rate()
        self._by_status: dict[int, Counter] = {}

    def count_request(self, status: int, count: int = 1) -> None:
        """Answered requests."""
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._by_status[status] = self.requests.labels(str(status))
        counter.inc(count)
        self._rate.add(status >= 500, count)

    def count_ingested(
        self,
        statuses: Sequence[int],
        seconds: Sequence[float],
        *,
        accepted: int,
        rejected: int,
        received: int,
    ) -> None:
        """What became of requests that were answered together."""
        for status, count in Tally(statuses).items():
            self.count_request(status, count)
        self.ingest_seconds.observe(*seconds)
        for counter, amount in (
            (self.accepted, accepted),
            (self.rejected, rejected),
            (self.received, received),
        ):
            if amount:
                counter.inc(amount)

    def request_rate(self) -> float:
        """Requests a second over the last seconds."""
        return round(self._rate.totals()[0] / _RATE_SECONDS, 2)

    def error_rate(self) -> float:
        """Share of requests answered 5xx over the last seconds, 0 to 1."""
        requests, errors = self._rate.totals()
        return round(errors / requests, 4) if requests else 0.0

    def watch(self, service: Service) -> None:
        """Add what is read from the service at each scrape."""
        self.registry.register(_ServiceCollector(service))

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)


class _ServiceCollector(Collector):
    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        status = self._service.queue.status()
        for name, help_, value in (
            ("queue_waiting", "Requests taken and not yet answered.", status.waiting),
            ("queue_bytes", "Bytes of those requests.", status.waiting_bytes),
            (
                "queue_capacity_bytes",
                "Bytes from which requests are refused.",
                status.capacity_bytes,
            ),
            ("detection_lag_records", "Records stored and not yet scored.", status.lag),
            ("live_subscribers", "Open live connections.", self._service.hub.subscribers),
        ):
            yield GaugeMetricFamily(f"logforest_{name}", help_, value=value)
        yield from _log_metrics(status.details)


def _log_metrics(details: dict[str, object]) -> Iterable[Metric]:
    """Of the server profile's queue in Redis; nothing for the embedded one."""
    for name, help_ in (
        ("entries", "Entries in the queue in Redis."),
        ("dead_letters", "Entries that could not be processed."),
        ("max_lag", "Records behind from which requests are refused."),
    ):
        value = details.get(name)
        if isinstance(value, int):
            yield GaugeMetricFamily(f"logforest_queue_{name}", help_, value=value)
    groups = details.get("groups")
    if isinstance(groups, dict):
        for name, help_ in (
            ("waiting_records", "Records that a group has not acknowledged."),
            ("waiting_entries", "Entries that a group has not acknowledged."),
            ("pending_entries", "Entries that a group is working on."),
        ):
            family = GaugeMetricFamily(f"logforest_group_{name}", help_, labels=["group"])
            for group, counts in groups.items():
                family.add_metric([group], counts[name])
            yield family
