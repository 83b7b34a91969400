"""The embedded profile: one process, one file, no server to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logforest.api.routers.anomalies import anomaly_rows
from logforest.live import Hub
from logforest.metrics import Metrics
from logforest.pipeline.embedded import EmbeddedPipeline
from logforest.service import Service
from logforest.stores.duckdb import DuckDBStore

if TYPE_CHECKING:
    from logforest.settings import Settings

__all__ = ["open_service"]


def open_service(settings: Settings, *, workers: bool = True) -> Service:
    """The embedded profile: DuckDB file, in-process queue, detection in a thread.

    Raises
    ------
    StoreError
        The file is held by another process or cannot be made.
    """
    del workers  # queue and stages are one process here
    settings.data.mkdir(parents=True, exist_ok=True)
    store = DuckDBStore(str(settings.store_path), memory_limit=settings.store_memory)
    hub = Hub()
    metrics = Metrics()
    scorer = detector_file = None
    if settings.detect:
        from logforest.detection import Detector
        from logforest.pipeline.detector_file import DetectorFile

        scorer = Detector()
        detector_file = DetectorFile(settings.data / "detector.state")
    pipeline = EmbeddedPipeline(
        store,
        scorer=scorer,
        queue_bytes=settings.queue_mb << 20,
        max_lag=settings.max_lag,
        on_commit=hub.publish_logs,
        on_anomalies=lambda table: hub.publish("anomalies", anomaly_rows(table)),
        detector_file=detector_file,
        journal=store,
    )
    service = Service(settings, store, pipeline, hub, metrics)
    service.checks["store"] = lambda: pipeline.last_error or store.problem
    service.checks["pipeline"] = lambda: None if pipeline.alive else "a stage has ended"
    service.checks["detection"] = lambda: pipeline.detection.last_error
    metrics.watch(service)
    return service
