"""The detect worker: scores what arrives, independent of the store worker."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from logforest.errors import QueueError
from logforest.workers.base import StreamWorker, WorkerOptions
from logforest.workers.decode import decode

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest._core import StreamItem
    from logforest.batch import LogBatch
    from logforest.pipeline.detection import Scorer
    from logforest.queues.redis_streams import RedisLog
    from logforest.stores.postgres import PostgresStore

__all__ = ["DetectWorker"]

log = logging.getLogger("logforest.worker.detect")


class DetectWorker(StreamWorker):
    """Records -> anomalies, keyed by (log id, model version, kind): repeats change nothing.

    Each process has a scorer of its own, which learns from the blocks that it is given.
    """

    group = "detect"

    def __init__(
        self, log_: RedisLog, store: PostgresStore, options: WorkerOptions, scorer: Scorer
    ) -> None:
        super().__init__(log_, store, options)
        self.scorer = scorer
        self.found = 0

    def prepare(self, items: Sequence[StreamItem]) -> LogBatch:
        """Parse, mask, number: the rows that the store worker stores, as far as they are judged."""
        return decode(items, form="scored").logs

    def finish(self, items: Sequence[StreamItem], prepared: Any) -> None:
        """Score in order of arrival; store and publish what was found."""
        if prepared.num_rows == 0:
            return
        anomalies: pa.Table = self.scorer.process(prepared)
        if anomalies.num_rows == 0:
            return
        # Should this fail and be tried again, the scorer has seen the records already: hold on
        # to what it found.
        while True:
            try:
                self.found += self.store.add_anomalies(anomalies)
                break
            except Exception as error:
                if not getattr(error, "blames_server", False) or self._stop.is_set():
                    raise
                self._failed(error)
                self._pause(4)
        self._publish(anomalies)

    def _publish(self, anomalies: pa.Table) -> None:
        from logforest.api.routers.anomalies import anomaly_rows

        try:
            self.log.publish("anomalies", orjson.dumps(anomaly_rows(anomalies)[:100]))
        except QueueError as error:
            log.warning("not shown to live listeners: %s", error)

    def state(self) -> dict[str, object]:
        """As of every worker, with the anomalies found."""
        return super().state() | {"anomalies": self.found}
