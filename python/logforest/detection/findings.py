"""One finding, what severity and confidence mean, and the Arrow table of anomalies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from logforest.values import SEVERITIES

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = (
    "error_burst",
    "status_mix",
    "latency_drift",
    "credential_stuffing",
    "failed_logins",
    "new_template",
    "template_surge",
    "template_vanished",
    "silent_service",
    "volume_drop",
    "volume_surge",
    "unusual_record",
)
#: Kinds that never rise above, or never stay below, a severity.
_MOST = {
    "status_mix": "medium",
    "template_surge": "medium",
    "template_vanished": "medium",
    "volume_surge": "medium",
    "unusual_record": "high",
}
_LEAST = {"credential_stuffing": "high", "silent_service": "high"}


@dataclass(slots=True)
class Feature:
    """One quantity that led to a finding; contributions of a finding add up to its surprise."""

    feature: str
    value: float
    expected: float
    contribution: float


@dataclass(slots=True)
class Finding:
    """One anomaly before it becomes a row of the table."""

    kind: str
    service: str
    log_id: int
    timestamp_us: int
    score: float
    confidence: float
    impact: float  # share of the service's records that are affected, 0 to 1
    reasons: list[str]
    actual: float
    expected: float
    features: list[Feature]
    window_us: tuple[int, int]
    incident_us: int
    template_id: int | None = None
    template: str | None = None
    level: str | None = None
    message: str | None = None
    tenant: str = "default"
    samples: list[str] = field(default_factory=list)
    cap: str = "critical"

    @property
    def severity(self) -> str:
        """See docs/detection.md: by score and impact, within the limits of the kind."""
        rank = 0 if self.score < 0.75 else 1 if self.score < 0.9375 else 2
        if self.score >= 0.984 and self.impact >= 0.25:
            rank = 3
        if self.confidence < 0.5:
            rank -= 1
        names = SEVERITIES
        rank = max(rank, names.index(_LEAST.get(self.kind, "low")))
        most = min(names.index(_MOST.get(self.kind, "critical")), names.index(self.cap))
        return names[max(0, min(rank, most))]


def score_of(surprise: float, threshold: float) -> float:
    """0 to 1, 0.5 at the threshold of reporting, halving the rest with every further threshold.

    >>> [round(score_of(s, 10.0), 3) for s in (0, 10, 20, 40)]
    [0.0, 0.5, 0.75, 0.938]
    """
    return float(1.0 - 2.0 ** (-max(0.0, surprise) / threshold))


def schema() -> pa.Schema:
    """Columns of the anomalies table."""
    import pyarrow as pa

    stamp = pa.timestamp("us", "UTC")
    feature = pa.struct(
        [
            ("feature", pa.string()),
            ("value", pa.float64()),
            ("expected", pa.float64()),
            ("contribution", pa.float64()),
        ]
    )
    return pa.schema(
        [
            ("log_id", pa.int64()),
            ("timestamp", stamp),
            ("tenant", pa.string()),
            ("service", pa.string()),
            ("level", pa.string()),
            ("message", pa.string()),
            ("kind", pa.string()),
            ("anomaly_score", pa.float64()),
            ("severity", pa.string()),
            ("confidence", pa.float64()),
            ("model_version", pa.string()),
            ("template_id", pa.int64()),
            ("template", pa.string()),
            ("features_used", pa.list_(feature)),
            ("actual", pa.float64()),
            ("expected", pa.float64()),
            ("reason", pa.string()),
            ("reasons", pa.list_(pa.string())),
            ("samples", pa.list_(pa.string())),
            ("window_start", stamp),
            ("window_end", stamp),
            ("incident_start", stamp),
            ("detected_at", stamp),
        ]
    )


def to_table(
    findings: Sequence[Finding], model_version: str, metadata: dict[str, str] | None = None
) -> pa.Table:
    """Arrow table of findings in order of time, then service."""
    import pyarrow as pa

    now = datetime.now(UTC)
    rows = [
        {
            "log_id": f.log_id,
            "timestamp": f.timestamp_us,
            "tenant": f.tenant,
            "service": f.service,
            "level": f.level,
            "message": f.message,
            "kind": f.kind,
            "anomaly_score": f.score,
            "severity": f.severity,
            "confidence": f.confidence,
            "model_version": model_version,
            "template_id": f.template_id,
            "template": f.template,
            "features_used": [
                {
                    "feature": x.feature,
                    "value": _number(x.value),
                    "expected": _number(x.expected),
                    "contribution": x.contribution,
                }
                for x in f.features
            ],
            "actual": _number(f.actual),
            "expected": _number(f.expected),
            "reason": "; ".join(f.reasons),
            "reasons": f.reasons,
            "samples": f.samples,
            "window_start": f.window_us[0],
            "window_end": f.window_us[1],
            "incident_start": f.incident_us,
            "detected_at": now,
        }
        for f in sorted(findings, key=lambda f: (f.timestamp_us, f.service, f.kind))
    ]
    table = pa.Table.from_pylist(rows, schema=schema())
    return table.replace_schema_metadata(metadata) if metadata else table


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
