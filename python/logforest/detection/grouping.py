"""Which fingerprints of a service are one statement, so that they are judged together.

The stateless fingerprint of a record keeps weekdays, names of people and the like: "connection at
<*> Mon" and "connection at <*> Sun" are two. :class:`lf.TemplateMiner`, which looks at the
messages together, calls them one template, as the stores' table of templates does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logforest.templates import TemplateMiner

if TYPE_CHECKING:
    from logforest import _core
    from logforest.detection.baselines import Groups, Templates

__all__ = ["Grouper"]

_SMALL = 1024  # as many are mined anew within two milliseconds


class Grouper:
    """Mines one example of each slot; moves ``templates.group`` and the state of ``groups`` along.

    The answer depends on the windows seen up to then, not on how records came in batches.
    """

    def __init__(self, signals: _core.Signals, templates: Templates, groups: Groups) -> None:
        self._signals = signals
        self._templates = templates
        self._groups = groups
        self._miner = TemplateMiner(n_jobs=1)
        # Of no template known, so that its ids are the fingerprints of the messages' shapes.
        self._empty = TemplateMiner(n_jobs=1).fit([])
        self._shapes = np.zeros(0, np.int64)  # by slot; -1: not with the miner
        self._texts: dict[int, str] | None = None

    def refresh(self, window: int, *, now: bool) -> bool:
        """Mine what came since the last time; True if there was anything.

        Mining takes time by all that is known, so where much is known a few new ones wait,
        each a group of its own, unless the answer is needed ``now``.
        """
        t = self._templates
        fresh = int(((t.first >= 0) & (t.mined == 0)).sum())
        known = int(t.mined.sum())
        if not fresh or (not now and known > _SMALL and fresh * 64 < known):
            return False
        t.mined[t.first >= 0] = 1
        self._mine()
        self._regroup(window)
        return True

    def text(self, slot: int) -> str | None:
        """The template that a slot belongs to; None if it was not mined yet."""
        if not self._templates.mined[slot]:
            return None
        self._mine()
        if self._texts is None:
            table = self._miner.templates
            ids, texts = table["id"].to_pylist(), table["template"].to_pylist()
            self._texts = dict(zip(ids, texts, strict=True))
        return self._texts.get(int(self._miner.lineages(self._shapes[slot : slot + 1])[0]))

    def _mine(self) -> None:
        """Hand over the slots that count as mined; after a restart all of them."""
        t = self._templates
        room = np.full(t.size - len(self._shapes), -1, np.int64)
        self._shapes = np.concatenate([self._shapes, room])
        slots = np.flatnonzero((t.mined > 0) & (self._shapes < 0))
        if not len(slots):
            return
        examples = [self._signals.slot(int(s))[2] for s in slots]
        self._shapes[slots] = self._empty.transform(examples)
        self._miner.partial_fit(examples)
        self._texts = None

    def _regroup(self, window: int) -> None:
        t, old = self._templates, self._groups
        _, template = np.unique(self._miner.lineages(self._shapes), return_inverse=True)
        services = int(t.service.max(initial=0)) + 1
        key = template.astype(np.int64) * services + t.service
        alone = t.mined == 0
        key[alone] = key.max(initial=0) + 1 + np.flatnonzero(alone)
        _, founder, group = np.unique(key, return_index=True, return_inverse=True)
        # What is known of a group goes where its first slot goes.
        heir = group[old.founder]
        order = np.argsort(heir, kind="stable")
        begin = np.searchsorted(heir[order], np.arange(len(founder) + 1))
        heirs = np.diff(begin)
        state = {name: getattr(old, name)[order] for name in ("first", "last", "rate", "windows")}
        source = np.minimum(begin[:-1], max(len(order) - 1, 0))
        fresh = {name: values[source] for name, values in state.items()}
        for n in np.flatnonzero(heirs != 1):
            if heirs[n] > 1:
                values = old.join(order[begin[n] : begin[n + 1]], window)
            else:  # left a group that it had been counted in
                mine = np.flatnonzero(group == n)
                first = int(t.first[mine].min())
                values = (first, window - 1, float(t.rate[mine].sum()), 0.0)
            for name, value in zip(("first", "last", "rate", "windows"), values, strict=True):
                fresh[name][n] = value
        old.founder = founder.astype(np.int64)
        for name, column in fresh.items():
            setattr(old, name, column)
        old.size = len(founder)
        t.group = group.astype(np.int64)
