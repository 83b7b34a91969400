"""Where incidents and deployments lie in the demo's time, and what a new exception looks like."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from logforest.demo.services import SERVICES, Event, Service

KINDS = ("error_burst", "latency_drift", "credential_stuffing", "new_exception", "silent_service")
#: Shorter traffic than this has no incidents: nothing could be learned before them.
MIN_INCIDENT_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Incident:
    """One labelled stretch of time: [start, end) in UTC, whole minutes."""

    kind: str
    service: str
    start: datetime
    end: datetime
    strength: float

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, times as ISO 8601."""
        return asdict(self) | {"start": _iso(self.start), "end": _iso(self.end)}


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def schedule(
    rng: np.random.Generator, start: datetime, minutes: int, per_kind: int, quiet: float
) -> list[Incident]:
    """Incidents of every kind, ``per_kind`` each, that do not overlap; ordered by time.

    The time after the share ``quiet`` is cut into equal slots, one an incident, so a service has
    time to be itself again between two of them.
    """
    if minutes < MIN_INCIDENT_MINUTES or per_kind == 0:
        return []
    kinds = [kind for kind in KINDS for _ in range(per_kind)]
    rng.shuffle(kinds)
    first = int(minutes * quiet)
    slot = (minutes - first) / len(kinds)
    incidents = []
    for number, kind in enumerate(kinds):
        length = int(np.clip(rng.integers(8, 21), 3, max(3, slot * 0.5)))
        offset = int(rng.uniform(0.1, 0.4) * slot)
        begin = start + timedelta(minutes=int(first + number * slot) + offset)
        service = SERVICES[int(rng.integers(len(SERVICES)))].name
        strength = {
            "error_burst": rng.uniform(0.2, 0.5),  # share of requests that fail
            "latency_drift": rng.uniform(3.0, 6.0),  # factor at the end; it starts at half of that
            "credential_stuffing": rng.uniform(0.6, 2.0),  # attempts per usual record of auth
            "new_exception": rng.uniform(0.03, 0.1),  # share of the service's records
            "silent_service": 1.0,
        }[kind]
        if kind == "credential_stuffing":
            service = "auth"
        incidents.append(
            Incident(kind, service, begin, begin + timedelta(minutes=length), round(strength, 3))
        )
    return incidents


def deployments(rng: np.random.Generator, minutes: int) -> list[tuple[int, int, str]]:
    """(minute, service number, new version): about one a service and day, not incidents."""
    count = max(1, round(minutes / 1440 * len(SERVICES)))
    return sorted(
        (
            int(rng.integers(minutes)),
            int(rng.integers(len(SERVICES))),
            f"{rng.integers(2, 6)}.{rng.integers(0, 40)}.{rng.integers(0, 9)}",
        )
        for _ in range(count)
    )


_SUBJECTS = ("Basket", "Invoice", "Shipment", "Voucher", "Ledger", "Profile", "Quota", "Coupon")
_VERBS = ("resolve", "convert", "merge", "validate", "release", "schedule")
_FAULTS = (
    "java.lang.NullPointerException: cannot invoke {0}.{1}() because it is null at {0}Mapper",
    "java.lang.IllegalStateException: {0} left in an inconsistent state by {1} of worker {{n}}",
    "java.util.ConcurrentModificationException: {0} changed while {1} was running on item {{id}}",
    "java.lang.ArrayIndexOutOfBoundsException: index {{n}} out of bounds in {0}Repository.{1}",
)


def new_exception(rng: np.random.Generator, service: Service) -> Event:
    """An exception that the service never logged before, on one of its own requests."""
    message = _FAULTS[rng.integers(len(_FAULTS))].format(
        _SUBJECTS[rng.integers(len(_SUBJECTS))], _VERBS[rng.integers(len(_VERBS))]
    )
    request = next(event for event in service.events if event.http)
    return Event(message, 1, "ERROR", request.method, request.endpoint, 500, 25, 0.5)
