"""Tests of templates: new ones, surging ones, vanished ones.

What counts is a template of a service, whatever number of fingerprints it has (``Groups``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logforest.detection.baselines import Groups, Services, Templates
from logforest.detection.grouping import Grouper
from logforest.detection.hits import THRESHOLD, Hit, Incidents
from logforest.detection.surprise import poisson_surprise

if TYPE_CHECKING:
    from logforest import _core

LEARNED_AFTER = 60  # windows after which a template is no longer new
_LEVEL_WEIGHT = np.array([0.15, 0.25, 0.6, 1.0, 1.0])  # how much a new template matters, by level
_NEW_LEAST = np.array([30, 20, 4, 2, 2])  # occurrences of a new template, by level


class TemplateJudge:
    """Keeps what is usual of templates and finds those that are not."""

    def __init__(self, signals: _core.Signals, services: Services, incidents: Incidents) -> None:
        self.services = services
        self.incidents = incidents
        self.templates = Templates()
        self.groups = Groups()
        self.use(signals)

    def use(self, signals: _core.Signals) -> None:
        """Read messages from ``signals``."""
        self.grouper = Grouper(signals, self.templates, self.groups)

    def resize(self, service: np.ndarray, level: np.ndarray, auth: np.ndarray) -> None:
        """Make room for slots that came up, each a group of its own until it is mined."""
        t = self.templates
        before = t.size
        t.resize(service, level, auth)
        t.group[before:] = self.groups.size + np.arange(t.size - before)
        self.groups.add(np.arange(before, t.size))

    def learn(self, window: int, slots: np.ndarray, counts: np.ndarray, ok: np.ndarray) -> None:
        """Move on by one window; ``ok`` tells for each service whether it was usual."""
        t, g = self.templates, self.groups
        t.learn(window, slots, counts, ok)
        seen = np.bincount(t.group[slots], counts, minlength=g.size)
        g.learn(window, seen, ok[t.service[g.founder]])

    # --- new ---------------------------------------------------------------------------------
    def new(
        self, hits: list[Hit], window: int, warm: np.ndarray, count: np.ndarray,
        slots: np.ndarray, counts: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Templates that a known service never wrote before, by level and number.

        Returns by service whether there was one, and how many of its records they are.
        """
        self._meet(window, warm, slots)
        self.grouper.refresh(window, now=False)
        found = self._young(window, count, slots, counts)
        if found is not None and found[-1].any() and self.grouper.refresh(window, now=True):
            found = self._young(window, count, slots, counts)
        s, t = self.services, self.templates
        fired, news = np.zeros(s.size, bool), np.zeros(s.size)
        if found is None:
            return fired, news
        shown, total, now, surprise, ok = found
        owner = t.service[shown]
        self.incidents.note("new_template", surprise)
        for service in np.unique(owner[ok]):
            mine = np.flatnonzero(ok & (owner == service))
            best = mine[np.argmax(surprise[mine])]
            number = int(service)
            fired[number] = True
            since = self.incidents.began("new_template", number, window)
            self.incidents.go_on("new_template", number, since, window)
            news[number] = now[mine].sum()
            affected = float(news[number] / max(count[number], 1))
            hits.append(
                Hit("new_template", number, window, float(surprise[best]), float(total[best]), 0.0,
                    affected, since, int(shown[best]), len(mine))
            )  # fmt: skip
        return fired, news

    def _meet(self, window: int, warm: np.ndarray, slots: np.ndarray) -> None:
        """Note the slots that are there for the first time."""
        s, t, g = self.services, self.templates, self.groups
        first = slots[t.first[slots] < 0]
        if not len(first):
            return
        t.first[first] = window
        g.first[t.group[first]] = window
        owner = t.service[first]
        t.known_before[first] = np.where(warm[owner], s.records[owner], 0)
        np.add.at(s.novelty, owner[warm[owner]], 1)

    def _young(
        self, window: int, count: np.ndarray, slots: np.ndarray, counts: np.ndarray
    ) -> tuple[np.ndarray, ...] | None:
        """Templates with young slots only that are in this window: a slot to show, records until
        now and in this window, surprise, whether it is enough."""
        s, t, g = self.services, self.templates, self.groups
        young = (t.known_before > 0) & (window - t.first < LEARNED_AFTER)
        known = np.zeros(g.size, bool)
        known[t.group[(t.first >= 0) & ~young]] = True
        reworded = young & known[t.group]
        t.known_before[reworded] = 0  # other words in the variables of a known template
        young &= ~reworded
        here = young[slots]
        if not here.any():
            return None
        now = np.bincount(t.group[slots[here]], counts[here], minlength=g.size)
        totals = np.bincount(t.group[young], t.total[young], minlength=g.size) + now
        level = np.zeros(g.size, np.uint8)
        np.maximum.at(level, t.group[young], t.level[young])
        before = np.full(g.size, np.inf)
        np.minimum.at(before, t.group[young], t.known_before[young])
        t.known_before[young] = before[t.group[young]]
        # The commonest of each template comes last, and stays.
        order = np.argsort(counts[here], kind="stable")
        main = np.full(g.size, -1)
        main[t.group[slots[here][order]]] = slots[here][order]
        at = np.flatnonzero(main >= 0)
        shown, now, total, level = main[at], now[at], totals[at], level[at]
        owner = t.service[shown]
        since = np.maximum(s.records[owner] + count[owner] - t.known_before[shown], now)
        # Services whose messages are never the same twice are used to new templates.
        rate = np.maximum(0.5, 0.1 * s.novelty[owner]) / t.known_before[shown]
        surprise = poisson_surprise(total, since * rate) * _LEVEL_WEIGHT[level]
        surprise = np.where(total > since * rate, surprise, 0.0)
        ok = (surprise >= THRESHOLD) & (total >= _NEW_LEAST[level])
        ok &= (level >= 2) | (now >= 0.1 * count[owner])
        return shown, total, now, surprise, ok

    def withdraw(self, hits: list[Hit], services: np.ndarray) -> None:
        """A new message about failed logins says nothing that the count of them does not."""
        hits[:] = [
            hit
            for hit in hits
            if not (hit.kind == "new_template" and services[hit.service]
                    and self.templates.auth[hit.slot])
        ]  # fmt: skip

    # --- surging -----------------------------------------------------------------------------
    def surges(
        self, hits: list[Hit], window: int, able: np.ndarray, count: np.ndarray,
        slots: np.ndarray, counts: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Known warnings and errors that come far more often than usual."""
        found, most = self._risen(window, able, count, slots, counts)
        if len(found[0]) and self.grouper.refresh(window, now=True):
            found, most = self._risen(window, able, count, slots, counts)
        self.incidents.note("template_surge", most[able])
        t = self.templates
        fired = np.zeros(self.services.size, bool)
        for group, now, usual, surprise in zip(*found, strict=True):
            mine = t.group[slots] == group
            slot = int(slots[np.argmax(np.where(mine, counts, -1))])
            number = int(t.service[slot])
            if fired[number]:
                continue
            fired[number] = True
            share = float((now - usual) / max(count[number], 1))
            self._hit(hits, "template_surge", slot, window, surprise, now, usual, share)
        return fired

    def _risen(
        self, window: int, able: np.ndarray, count: np.ndarray, slots: np.ndarray,
        counts: np.ndarray,
    ) -> tuple[tuple[np.ndarray, ...], np.ndarray]:  # fmt: skip
        """Groups, records, usual records, surprise, the strangest first; and by service the most
        surprising rise, enough or not."""
        s, t, g = self.services, self.templates, self.groups
        at, part = np.unique(t.group[slots], return_inverse=True)
        now = np.bincount(part, counts, minlength=len(at))
        level = np.zeros(len(at), np.uint8)
        np.maximum.at(level, part, t.level[slots])
        owner = t.service[g.founder[at]]
        usual = g.rate[at] * count[owner] / np.maximum(s.level()[owner], 1)
        surprise = poisson_surprise(now, np.maximum(usual, 0.05))
        surprise = surprise / np.maximum(s.error_spread[owner], 1.0)
        ok = able[owner] & (level >= 2) & (now > usual) & (g.first[at] < window - LEARNED_AFTER)
        most = np.zeros(s.size)
        np.maximum.at(most, owner[ok], surprise[ok])
        ok &= (now >= 10) & (surprise >= THRESHOLD)
        ok &= (now >= 4 * usual) & (now - usual >= 0.1 * count[owner])
        chosen = np.flatnonzero(ok)
        chosen = chosen[np.argsort(-surprise[chosen], kind="stable")]
        return (at[chosen], now[chosen], usual[chosen], surprise[chosen]), most

    # --- vanished ----------------------------------------------------------------------------
    def vanished(self, hits: list[Hit], window: int, able: np.ndarray, slots: np.ndarray) -> None:
        """Templates that were in nearly every window and are gone while the service goes on."""
        found, most = self._missed(window, able, slots)
        if len(found[0]) and self.grouper.refresh(window, now=True):
            found, most = self._missed(window, able, slots)
        self.incidents.note("template_vanished", most[able])
        t, g = self.templates, self.groups
        fired = np.zeros(self.services.size, bool)
        for group, missing in zip(*found, strict=True):
            slot = int(np.argmax(np.where(t.group == group, t.total, -1.0)))
            number = int(t.service[slot])
            if fired[number]:
                continue
            fired[number] = True
            usual = float(g.rate[group])
            share = usual / max(float(self.services.level()[number]), 1.0)
            self._hit(hits, "template_vanished", slot, window, missing, 0.0, usual, share)

    def _missed(
        self, window: int, able: np.ndarray, slots: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Groups and the records missing of each, most first; and by service the most missing."""
        s, t, g = self.services, self.templates, self.groups
        owner = t.service[g.founder]
        age = window - g.first
        steady = able[owner] if g.size else np.zeros(0, bool)
        steady &= (g.first >= 0) & (age >= LEARNED_AFTER) & (g.windows >= 0.9 * age)
        steady &= (g.rate >= 3) & (g.last < window)
        steady[t.group[slots]] = False
        missing = g.rate * (window - np.maximum(g.last, g.first)) / np.maximum(s.spread[owner], 1.0)
        most = np.zeros(s.size)
        np.maximum.at(most, owner[steady], missing[steady])
        # Said for a while, then taken as the new state of things.
        steady &= (missing >= 3 * THRESHOLD) & (missing <= 10 * THRESHOLD)
        chosen = np.flatnonzero(steady)
        chosen = chosen[np.argsort(-missing[chosen], kind="stable")]
        return (chosen, missing[chosen]), most

    def _hit(
        self, hits: list[Hit], kind: str, slot: int, window: int, surprise: float, actual: float,
        expected: float, affected: float,
    ) -> None:  # fmt: skip
        number = int(self.templates.service[slot])
        since = self.incidents.began(kind, number, window)
        self.incidents.go_on(kind, number, since, window)
        hits.append(
            Hit(kind, number, window, float(surprise), float(actual), float(expected), affected,
                since, slot, 1)
        )  # fmt: skip
