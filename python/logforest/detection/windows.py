"""Judges one window after the other: which services behave unlike themselves, and how.

Every test has three parts: a surprise in nats against what is usual (divided by the spread that
the service usually shows), a noise floor on the size of the change, and a least number of
records. docs/detection.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logforest.detection.baselines import ADAPT_AFTER, DAY_RING, Services, Templates
from logforest.detection.surprise import Tail, binomial_surprise, poisson_surprise

if TYPE_CHECKING:
    from logforest.detection.rewording import Rewordings

    Cells = dict[str, Any]

THRESHOLD = 10.0  # nats: a chance of 1 in 22,000 that a usual window looks like this
CONTINUED = 0.3  # share of the threshold that keeps an incident going
MEMORY = 3  # windows without a finding that end an incident
LEARNED_AFTER = 60  # windows after which a template is no longer new
_LEVEL_WEIGHT = np.array([0.15, 0.25, 0.6, 1.0, 1.0])  # how much a new template matters, by level
_NEW_LEAST = np.array([30, 20, 4, 2, 2])  # occurrences of a new template, by level
_ERROR = 3


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


class WindowJudge:
    """Keeps what is usual and returns the hits of every window that is over."""

    def __init__(self, warmup_windows: int, warmup_records: int) -> None:
        self.warmup_windows = warmup_windows
        self.warmup_records = warmup_records
        self.services = Services()
        self.templates = Templates()
        self.tails: dict[str, Tail] = {}
        self.usual = np.zeros(0, bool)  # by service: whether the latest window taught us
        self.rewordings: Rewordings | None = None
        self.open: dict[tuple[str, int], tuple[int, int]] = {}  # (first window, latest window)

    def resize(self, services: int, slots: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Make room for services and templates that came up."""
        self.services.resize(services)
        self.templates.resize(*slots)

    def warm(self) -> np.ndarray:
        """Which services are known well enough to be judged."""
        s = self.services
        return (s.age >= self.warmup_windows) & (s.records >= self.warmup_records)

    def tick(
        self, window: int, cells: Cells, slots: np.ndarray, slot_counts: np.ndarray
    ) -> list[Hit]:
        """Judge one window; ``cells`` are dense arrays by service."""
        s = self.services
        count = cells["count"]
        warm = self.warm()
        hits: list[Hit] = []
        level = s.level()
        s.silent = np.where(count > 0, 0.0, s.silent + (s.age > 0))
        feed_complete = self._feed_complete(count, level, warm)
        share_errors, share_client = s.error_share(), s.client_error_share()

        def test(
            kind: str, surprise: np.ndarray, floor: np.ndarray, actual: np.ndarray,
            expected: np.ndarray, affected: np.ndarray,
        ) -> np.ndarray:  # fmt: skip
            return self._fire(
                hits, kind, window, surprise, warm & floor, actual, expected, affected
            )

        n = np.maximum(count, 1)
        new, news = self._new_templates(hits, window, warm, count, slots, slot_counts)
        share = cells["errors"] / n
        surprise = binomial_surprise(cells["errors"], count, share_errors)
        surprise = surprise / np.maximum(s.error_spread, 1.0)
        floor = (cells["errors"] >= 3) & (share >= share_errors + 0.03)
        floor &= share >= 2.5 * share_errors
        # A few errors that are one new message: the message says it all.
        floor &= ~(new & (news >= 0.8 * cells["errors"]) & (share < 0.15))
        burst = test("error_burst", surprise, floor, share, share_errors, share)

        failures = cells["auth_failures"]
        surprise = poisson_surprise(failures, np.maximum(s.auth_rate, 0.5))
        surprise = surprise / np.maximum(s.auth_spread, 1.0)
        floor = (failures >= 10) & (failures >= 3 * s.auth_rate)
        many = cells["users"] >= np.maximum(5, 0.25 * failures)
        stuffing = test("credential_stuffing", surprise, floor & many, failures, s.auth_rate,
                        failures / n)  # fmt: skip
        guessing = test("failed_logins", surprise, floor & ~many, failures, s.auth_rate,
                        failures / n)  # fmt: skip
        self._withdraw(hits, stuffing | guessing)
        drift = self._latency(test, cells)

        explained = burst | stuffing | guessing | new
        share = cells["client_errors"] / n
        surprise = binomial_surprise(cells["client_errors"], count, share_client)
        surprise = surprise / np.maximum(s.error_spread, 1.0)
        floor = (cells["client_errors"] >= 10) & (share >= share_client + 0.1)
        floor &= (share >= 3 * share_client) & ~explained
        mix = test("status_mix", surprise, floor, share, share_client, share)
        explained |= mix
        surge = self._template_surges(hits, window, warm & ~explained, count, slots, slot_counts)

        if feed_complete:
            volume = self._volume(test, window, count, level, explained | drift)
        else:
            volume = np.zeros(s.size, bool)
        self._vanished(hits, window, warm & ~volume & (count >= 0.5 * level), slots)

        flagged = explained | drift | surge | volume
        s.streak = np.where(flagged, s.streak + 1, 0.0)
        usual = ~flagged | (s.streak > ADAPT_AFTER)
        if not feed_complete:
            usual &= count > 0
        s.last_id = np.where(count > 0, cells["last_id"], s.last_id)
        self.usual = usual
        self.templates.learn(window, slots, slot_counts, usual)
        s.learn(window, cells, usual)
        return hits

    # --- the tests --------------------------------------------------------------------------
    def _fire(
        self, hits: list[Hit], kind: str, window: int, surprise: np.ndarray, able: np.ndarray,
        actual: np.ndarray, expected: np.ndarray, affected: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Appends the hits of one test over all services; returns where it fired."""
        fired = able & (surprise >= CONTINUED * THRESHOLD)
        for service in np.flatnonzero(fired):
            number = int(service)
            since = self._ongoing(kind, number, window)
            if surprise[number] < THRESHOLD and since == window:
                fired[number] = False
                continue
            self.open[(kind, number)] = (since, window)
            hits.append(
                Hit(kind, number, window, float(surprise[number]), float(actual[number]),
                    float(expected[number]), float(affected[number]), since)
            )  # fmt: skip
        self._hold_in(
            kind,
            np.where(able | (self.warm() & (surprise > 0)), surprise, 0.0)[self.warm() & ~fired],
        )
        return fired

    def _hold_in(self, kind: str, surprise: np.ndarray) -> None:
        if len(surprise):
            self.tails.setdefault(kind, Tail()).add(surprise[:256])

    def _ongoing(self, kind: str, service: int, window: int) -> int:
        first, latest = self.open.get((kind, service), (window, window))
        return first if window - latest <= MEMORY else window

    def _feed_complete(self, count: np.ndarray, level: np.ndarray, warm: np.ndarray) -> bool:
        """False where the whole feed is thin: a partial window, or the shipper itself stopped."""
        usual = level[warm]
        if len(usual) == 0 or usual.sum() == 0:
            return False
        thin = (count[warm] < 0.4 * usual) & (usual >= 1)
        return bool(count[warm].sum() >= 0.4 * usual.sum() and thin.mean() <= 0.5)

    def _latency(self, test: Callable[..., np.ndarray], cells: Cells) -> np.ndarray:
        s = self.services
        n = cells["residuals"]
        safe = np.maximum(n, 1)
        mean = cells["residual_sum"] / safe
        variance = np.maximum(cells["residual_squares"] / safe - mean**2, 0.01)
        centre, spread = s.latency_centre()
        z = np.maximum(mean - centre, 0.0) / np.sqrt(variance / safe + spread**2)
        floor = (
            (n >= 8) & (mean - centre >= np.log(1.4)) & (s.latency_windows >= self.warmup_windows)
        )
        share = n / np.maximum(cells["count"], 1)
        ratio = np.exp(np.minimum(mean - centre, 20.0))
        return test("latency_drift", z**2 / 2, floor, ratio, np.ones(s.size), share)

    def _volume(
        self, test: Callable[..., np.ndarray], window: int, count: np.ndarray, level: np.ndarray,
        explained: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        s = self.services
        spread = np.maximum(s.spread, 1.0)
        # A silence of several windows counts as a whole.
        absent = level * s.silent / spread
        silent = (count == 0) & (level >= 1.0)
        silent &= ~(np.nan_to_num(s.day[:, window % DAY_RING], nan=1.0) == 0)
        gone = test("silent_service", absent, silent, count, level, np.ones(s.size))
        surprise = poisson_surprise(count, level) / spread
        before = self._same_time_before(window)
        lowest = np.nanmin(np.where(np.isnan(before), np.inf, before), axis=1)
        highest = np.nanmax(np.where(np.isnan(before), -np.inf, before), axis=1)
        floor = (count > 0) & (count < 0.4 * level) & (lowest > 1.5 * count) & ~explained
        drop = test("volume_drop", surprise, floor, count, level, 1 - count / np.maximum(level, 1))
        floor = (count > 2.5 * level) & (count - level >= 20) & (highest < 0.6 * count)
        over = 1 - level / np.maximum(count, 1)
        surge = test("volume_surge", surprise, floor & ~explained, count, level, over)
        return np.asarray(gone | drop | surge)

    def _same_time_before(self, window: int) -> np.ndarray:
        """Counts of an hour's and a day's worth of windows before, a window to either side."""
        hour = 60 if DAY_RING >= 60 else 1
        at = [window + 1, window - hour, window - hour + 1, window - hour - 1]
        return np.asarray(self.services.day[:, np.array(at) % DAY_RING])

    def _is_reworded(self, slot: int, window: int) -> bool:
        """Whether a learned template of the same service differs in variables only."""
        t = self.templates
        if self.rewordings is None:
            return False
        old = (t.known_before == 0) | (window - t.first >= LEARNED_AFTER)
        old &= (t.first >= 0) & (t.service == t.service[slot])
        old[slot] = False
        return self.rewordings.known(slot, np.flatnonzero(t.first >= 0), np.flatnonzero(old))

    def _new_templates(
        self, hits: list[Hit], window: int, warm: np.ndarray, count: np.ndarray,
        slots: np.ndarray, slot_counts: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Templates that a known service never wrote before, by level and number."""
        s, t = self.services, self.templates
        fired, news = np.zeros(s.size, bool), np.zeros(s.size)
        first = slots[t.first[slots] < 0]
        if len(first):
            t.first[first] = window
            owner = t.service[first]
            t.known_before[first] = np.where(warm[owner], s.records[owner], 0)
            np.add.at(s.novelty, owner[warm[owner]], 1)
        young = (t.known_before[slots] > 0) & (window - t.first[slots] < LEARNED_AFTER)
        if not young.any():
            return fired, news
        at, now = slots[young], slot_counts[young]
        owner, level = t.service[at], t.level[at]
        total = t.total[at] + now
        since = np.maximum(s.records[owner] + count[owner] - t.known_before[at], now)
        # Services whose messages are never the same twice are used to new templates.
        rate = np.maximum(0.5, 0.1 * s.novelty[owner]) / t.known_before[at]
        surprise = poisson_surprise(total, since * rate) * _LEVEL_WEIGHT[level]
        surprise = np.where(total > since * rate, surprise, 0.0)
        ok = (surprise >= THRESHOLD) & (total >= _NEW_LEAST[level])
        ok &= (level >= 2) | (now >= 0.1 * count[owner])
        for i in np.flatnonzero(ok):
            if self._is_reworded(int(at[i]), window):
                ok[i] = False
                surprise[i] = 0.0
                t.known_before[at[i]] = 0
        self._hold_in("new_template", surprise[~ok])
        for service in np.unique(owner[ok]):
            mine = np.flatnonzero(ok & (owner == service))
            best = mine[np.argmax(surprise[mine])]
            number = int(service)
            fired[number] = True
            began = self._ongoing("new_template", number, window)
            self.open[("new_template", number)] = (began, window)
            news[number] = now[mine].sum()
            affected = float(news[number] / max(count[number], 1))
            hits.append(
                Hit("new_template", number, window, float(surprise[best]), float(total[best]), 0.0,
                    affected, began, int(at[best]), len(mine))
            )  # fmt: skip
        return fired, news

    def _withdraw(self, hits: list[Hit], services: np.ndarray) -> None:
        """A new message about failed logins says nothing that the count of them does not."""
        hits[:] = [
            hit
            for hit in hits
            if not (hit.kind == "new_template" and services[hit.service]
                    and self.templates.auth[hit.slot])
        ]  # fmt: skip

    def _template_surges(
        self, hits: list[Hit], window: int, able: np.ndarray, count: np.ndarray,
        slots: np.ndarray, slot_counts: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Known warnings and errors that come far more often than usual."""
        s, t = self.services, self.templates
        fired = np.zeros(s.size, bool)
        owner = t.service[slots]
        usual = t.rate[slots] * count[owner] / np.maximum(s.level()[owner], 1)
        surprise = poisson_surprise(slot_counts, np.maximum(usual, 0.05))
        surprise = surprise / np.maximum(s.error_spread[owner], 1.0)
        over = slot_counts - usual
        ok = able[owner] & (t.level[slots] >= 2) & (slot_counts >= 10)
        ok &= (slot_counts >= 4 * usual) & (over >= 0.1 * count[owner]) & (surprise >= THRESHOLD)
        ok &= t.first[slots] < window - LEARNED_AFTER
        for index in np.flatnonzero(ok):
            number = int(owner[index])
            if fired[number]:
                continue
            fired[number] = True
            began = self._ongoing("template_surge", number, window)
            self.open[("template_surge", number)] = (began, window)
            hits.append(
                Hit("template_surge", number, window, float(surprise[index]),
                    float(slot_counts[index]), float(usual[index]),
                    float(over[index] / max(count[number], 1)), began, int(slots[index]), 1)
            )  # fmt: skip
        return fired

    def _vanished(self, hits: list[Hit], window: int, able: np.ndarray, slots: np.ndarray) -> None:
        """Templates that were in nearly every window and are gone while the service goes on."""
        s, t = self.services, self.templates
        fired = np.zeros(s.size, bool)
        age = window - t.first
        steady = able[t.service] if t.size else np.zeros(0, bool)
        steady &= (t.first >= 0) & (age >= LEARNED_AFTER) & (t.windows >= 0.9 * age)
        steady &= (t.rate >= 3) & (t.last < window)
        steady[slots] = False
        missing = (
            t.rate * (window - np.maximum(t.last, t.first)) / np.maximum(s.spread[t.service], 1.0)
        )
        # Said for a while, then taken as the new state of things.
        missed = (missing >= 3 * THRESHOLD) & (missing <= 10 * THRESHOLD)
        for slot in np.flatnonzero(steady & missed):
            number = int(t.service[slot])
            if fired[number]:
                continue
            fired[number] = True
            began = self._ongoing("template_vanished", number, window)
            self.open[("template_vanished", number)] = (began, window)
            usual = float(t.rate[slot])
            hits.append(
                Hit("template_vanished", number, window, float(missing[slot]), 0.0, usual,
                    usual / max(float(s.level()[number]), 1.0), began, int(slot), 1)
            )  # fmt: skip
