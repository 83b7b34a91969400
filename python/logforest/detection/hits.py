"""What the tests over windows share: hits, incidents that go on, usual surprise of every kind."""

from __future__ import annotations

from dataclasses import dataclass

from logforest.detection.surprise import Floats, Tail

THRESHOLD = 10.0  # nats: a chance of 1 in 22,000 that a usual window looks like this
MEMORY = 3  # windows without a finding that end an incident


@dataclass(slots=True)
class Hit:
    """One test that fired: what was seen in window ``window`` of service ``service``."""

    kind: str
    service: int
    window: int
    surprise: float
    actual: float
    expected: float
    affected: float  # share of the service's records
    since: int  # first window of the incident
    slot: int = -1
    slots: int = 0  # templates that came new together


class Incidents:
    """Which findings go on, and what surprise is usual where there is none."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, int], tuple[int, int]] = {}  # (first window, latest window)
        self.tails: dict[str, Tail] = {}

    def began(self, kind: str, service: int, window: int) -> int:
        """The first window of the incident that ``window`` belongs to."""
        first, latest = self.open.get((kind, service), (window, window))
        return first if window - latest <= MEMORY else window

    def go_on(self, kind: str, service: int, since: int, window: int) -> None:
        """The incident was seen in ``window``."""
        self.open[(kind, service)] = (since, window)

    def note(self, kind: str, surprise: Floats) -> None:
        """The surprises of one window, reported or not."""
        if len(surprise):
            self.tails.setdefault(kind, Tail()).add(surprise[:256])
