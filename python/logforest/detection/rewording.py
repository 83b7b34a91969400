"""Whether a message that looks new is a known template with other words in its variables.

The stateless fingerprint of a record keeps weekdays, names of people and the like. Before a
template is called new, its service's templates are mined together (:class:`lf.TemplateMiner`):
"connection from <*> at Mon" is no news where "connection from <*> at Sun" was known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logforest.templates import TemplateMiner

if TYPE_CHECKING:
    from logforest import _core

__all__ = ["Rewordings"]


class Rewordings:
    """Mines one example of each template slot, when somebody asks.

    The answer depends on the set of slots seen up to then, not on how records came in batches.
    """

    def __init__(self, signals: _core.Signals) -> None:
        self._signals = signals
        self._miner = TemplateMiner(n_jobs=1)
        self._ids: dict[int, int] = {}  # of the slots mined so far

    def known(self, slot: int, seen: np.ndarray, older: np.ndarray) -> bool:
        """Whether ``slot`` is of one template with any of ``older``; ``seen``: slots to mine."""
        if not len(older):
            return False
        fresh = [int(s) for s in seen if int(s) not in self._ids]
        if fresh:
            examples = [self._signals.slot(s)[2] for s in fresh]
            ids = self._miner.partial_fit_transform(examples)
            self._ids.update(zip(fresh, ids.tolist(), strict=True))
        mine = self._miner.lineage(self._ids[slot])
        return any(self._miner.lineage(self._ids[int(s)]) == mine for s in older)
