"""The insight worker. No language model is connected yet: what would be asked is written down.

Entries only wake it up: new templates are already in the store, so nothing is parsed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from logforest.workers.base import StreamWorker

if TYPE_CHECKING:
    from logforest._core import StreamItem

__all__ = ["InsightWorker"]


class InsightWorker(StreamWorker):
    """Each new template gets one row in ``insights`` with the status ``disabled``."""

    group = "insight"

    def prepare(self, items: Sequence[StreamItem]) -> None:
        """Nothing to do before."""

    def finish(self, items: Sequence[StreamItem], prepared: Any) -> None:
        """Note the templates that have no insight yet."""
        self.store.note_templates("disabled")
