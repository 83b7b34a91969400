"""Judges one window after the other: which services behave unlike themselves, and how.

Every test has three parts: a surprise in nats against what is usual (divided by the spread that
the service usually shows), a noise floor on the size of the change, and a least number of
records. docs/detection.md lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logforest.detection.baselines import ADAPT_AFTER, DAY_RING, Services
from logforest.detection.hits import THRESHOLD, Hit, Incidents
from logforest.detection.surprise import binomial_surprise, poisson_surprise
from logforest.detection.template_windows import TemplateJudge

if TYPE_CHECKING:
    from collections.abc import Callable

    from logforest import _core

    Cells = dict[str, Any]

_DOWN = {"silent_service", "volume_drop"}
CONTINUED = 0.3  # share of the threshold that keeps an incident going


class WindowJudge:
    """Keeps what is usual and returns the hits of every window that is over."""

    def __init__(self, warmup_windows: int, warmup_records: int, signals: _core.Signals) -> None:
        self.warmup_windows = warmup_windows
        self.warmup_records = warmup_records
        self.services = Services()
        self.incidents = Incidents()
        self.by_template = TemplateJudge(signals, self.services, self.incidents)
        self.templates = self.by_template.templates
        self.usual = np.zeros(0, bool)  # by service: whether the latest window taught us

    def resize(self, services: int, slots: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Make room for services and templates that came up."""
        self.services.resize(services)
        self.by_template.resize(*slots)

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
        new, news = self.by_template.new(hits, window, warm, count, slots, slot_counts)
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
        self.by_template.withdraw(hits, stuffing | guessing)
        drift = self._latency(test, cells)

        explained = burst | stuffing | guessing | new
        share = cells["client_errors"] / n
        surprise = binomial_surprise(cells["client_errors"], count, share_client)
        surprise = surprise / np.maximum(s.error_spread, 1.0)
        floor = (cells["client_errors"] >= 10) & (share >= share_client + 0.1)
        floor &= (share >= 3 * share_client) & ~explained
        mix = test("status_mix", surprise, floor, share, share_client, share)
        explained |= mix
        able = warm & ~explained
        surge = self.by_template.surges(hits, window, able, count, slots, slot_counts)

        if feed_complete:
            volume = self._volume(test, window, count, level, explained | drift)
        else:
            volume = np.zeros(s.size, bool)
        self.by_template.vanished(hits, window, warm & ~volume & (count >= 0.5 * level), slots)

        flagged = explained | drift | surge | volume
        s.streak = np.where(flagged, s.streak + 1, 0.0)
        usual = ~flagged | (s.streak > ADAPT_AFTER)
        if not feed_complete:
            usual &= count > 0
        s.last_id = np.where(count > 0, cells["last_id"], s.last_id)
        self.usual = usual
        self.by_template.learn(window, slots, slot_counts, usual)
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
            since = self.incidents.began(kind, number, window)
            if surprise[number] < THRESHOLD and since == window:
                fired[number] = False
                continue
            self.incidents.go_on(kind, number, since, window)
            hits.append(
                Hit(kind, number, window, float(surprise[number]), float(actual[number]),
                    float(expected[number]), float(affected[number]), since)
            )  # fmt: skip
        risen = actual < expected if kind in _DOWN else actual > expected
        self.incidents.note(kind, np.where(risen, surprise, 0.0)[self.warm()])
        return fired

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
