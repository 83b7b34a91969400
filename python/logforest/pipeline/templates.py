"""Behind the commits: a thread that counts templates and folds windows."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from logforest.errors import LogforestError

if TYPE_CHECKING:
    from logforest.stores.base import Store

__all__ = ["TemplateKeeper"]

log = logging.getLogger("logforest.templates")

_PAUSE_SECONDS = 1.0  # between two rounds: what comes meanwhile is counted together


class TemplateKeeper:
    """Has the store count templates and fold windows after commits, about once a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._committed = threading.Event()
        self._committed.set()  # what an earlier process left
        self._stop = threading.Event()
        self.last_error: str | None = None
        self._thread = threading.Thread(target=self._run, name="lf-templates", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was committed."""
        self._committed.set()

    def close(self, *, timeout: float) -> None:
        """Finish the round that runs; what is left is done after the next start, or by readers."""
        self._stop.set()
        self._committed.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._committed.wait()
            if self._stop.is_set():
                return
            self._committed.clear()
            try:
                self._store.update_templates()
                self._store.fold_windows()
                self.last_error = None
            except LogforestError as error:
                if str(error) != self.last_error:
                    log.warning("templates not updated, will be tried again: %s", error)
                self.last_error = str(error)
            except Exception:
                log.exception("templates not updated")
            self._stop.wait(_PAUSE_SECONDS)
