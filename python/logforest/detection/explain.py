"""From hits to findings: what was seen, what is usual, in words, with template and samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from logforest import _core
from logforest.detection import words
from logforest.detection.baselines import ALPHA
from logforest.detection.findings import Feature, Finding, score_of
from logforest.detection.hits import THRESHOLD
from logforest.detection.surprise import Tail

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.detection.hits import Hit
    from logforest.detection.records import RecordJudge, Unusual
    from logforest.detection.windows import WindowJudge

_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")
_MOST_STATUSES = 20_000
_FACETED = {"new_template", "template_surge", "template_vanished"}
_QUANTITY = {
    "error_burst": "error_rate",
    "status_mix": "client_error_rate",
    "latency_drift": "response_time_ratio",
    "credential_stuffing": "failed_logins",
    "failed_logins": "failed_logins",
    "new_template": "template_count",
    "template_surge": "template_count",
    "template_vanished": "template_count",
    "silent_service": "record_count",
    "volume_drop": "record_count",
    "volume_surge": "record_count",
}


class Explainer:
    """Holds what is only needed for words: shares of statuses, names."""

    def __init__(
        self, signals: _core.Signals, windows: WindowJudge, records: RecordJudge, width: int
    ) -> None:
        self._signals = signals
        self._judge = windows
        self._forest = records
        self._width = width
        self.names: list[str] = []
        self.statuses: dict[tuple[int, int], tuple[float, int]] = {}  # decayed count, window

    def learn_statuses(self, window: int, cells: dict[str, Any], part: slice) -> None:
        """Decayed counts of failing statuses per service."""
        for service, status, count in zip(
            cells["service"][part], cells["facet"][part], cells["count"][part], strict=True
        ):
            if not self._judge.usual[service]:
                continue
            key = (int(service), int(status))
            if key not in self.statuses and len(self.statuses) >= _MOST_STATUSES:
                continue
            old, at = self.statuses.get(key, (0.0, window))
            self.statuses[key] = (old * (1 - ALPHA) ** max(0, window - at) + float(count), window)

    def _usual_status(self, service: int, status: int, window: int) -> float:
        count, at = self.statuses.get((service, status), (0.0, window))
        trials = float(self._judge.services.error_trials[service])
        return min(1.0, count * (1 - ALPHA) ** max(0, window - at) / trials) if trials > 0 else 0.0

    def _name(self, service: int) -> tuple[str, str]:
        tenant, _, name = self.names[service].rpartition("\x1f")
        return tenant or "default", name

    # --- windows ----------------------------------------------------------------------------
    def windows(
        self, hits: list[Hit], dense: dict[str, np.ndarray], cells: dict[str, Any], begin: int,
        templates: dict[str, Any], template_part: slice, statuses: dict[str, Any],
        status_part: slice,
    ) -> list[Finding]:  # fmt: skip
        """Findings of one window."""
        del begin
        findings = []
        for hit in hits:
            tenant, name = self._name(hit.service)
            row = int(dense["row"][hit.service])
            start = hit.window * self._width * 1_000_000
            slot = self._main_slot(hit, templates, template_part)
            tail = self._judge.incidents.tails.get(hit.kind)
            finding = Finding(
                kind=hit.kind,
                service=name,
                tenant=tenant,
                log_id=self._log_id(hit, cells, row, templates, template_part, slot),
                timestamp_us=start,
                score=score_of(hit.surprise, THRESHOLD),
                confidence=(tail or Tail()).confidence(hit.surprise),
                impact=hit.affected,
                reasons=[],
                actual=hit.actual,
                expected=hit.expected,
                features=self._features(hit, dense),
                window_us=(start, start + self._width * 1_000_000),
                incident_us=hit.since * self._width * 1_000_000,
            )
            if slot >= 0:
                finding.template_id, text, example = self._signals.slot(slot)
                finding.template = self._judge.by_template.grouper.text(slot) or text
                level = int(self._judge.templates.level[slot])
                finding.level, finding.message = _LEVELS[level], example
                finding.samples = [example]
                if hit.kind == "new_template" and level < 2:
                    finding.cap = "low"
            finding.reasons = self._words(hit, dense, cells, row, statuses, status_part, finding)
            findings.append(finding)
        return findings

    def _features(self, hit: Hit, dense: dict[str, np.ndarray]) -> list[Feature]:
        """The quantity of the test carries the surprise; latency says its two medians."""
        features = [Feature(_QUANTITY[hit.kind], hit.actual, hit.expected, hit.surprise)]
        if hit.kind == "latency_drift":
            now = words.median_of(dense["latency"][hit.service])
            usual = words.median_of(self._judge.services.histogram[hit.service])
            features.append(Feature("response_time_median", now, usual, 0.0))
        return features

    def _main_slot(self, hit: Hit, templates: dict[str, Any], part: slice) -> int:
        """The template to show: the hit's own, else the one that rose most among the errors,
        else the commonest one (of this window; in silence, of those that are missing)."""
        if hit.slot >= 0:
            return hit.slot
        slots, counts = templates["facet"][part], templates["count"][part]
        known = self._judge.templates
        mine = known.service[slots] == hit.service
        if hit.kind in {"credential_stuffing", "failed_logins"}:
            logins = mine & (known.auth[slots] > 0)
            if logins.any():
                return int(slots[int(np.argmax(np.where(logins, counts, -1)))])
        if hit.kind in {"error_burst", "status_mix", "credential_stuffing", "failed_logins"}:
            errors = mine & (known.level[slots] >= 2)
            if errors.any():
                # After learning the rates hold this window's share; the excess still ranks.
                excess = np.where(errors, counts - known.rate[slots], -np.inf)
                return int(slots[int(np.argmax(excess))])
        if mine.any():
            return int(slots[int(np.argmax(np.where(mine, counts, -1)))])
        usual = np.where(known.service == hit.service, known.rate, -1.0)
        return int(np.argmax(usual)) if usual.max(initial=-1.0) >= 0 else -1

    def _log_id(
        self, hit: Hit, cells: dict[str, Any], row: int, templates: dict[str, Any], part: slice,
        slot: int,
    ) -> int:  # fmt: skip
        """The record to look at first; for silence the last one before it."""
        if slot >= 0:
            at = np.flatnonzero(templates["facet"][part] == slot)
            if len(at):
                return int(templates["first_id"][part][at[0]])
        if row < 0:
            return int(self._judge.services.last_id[hit.service])
        for kind, column in (("error_burst", "first_error_id"), ("credential", "first_auth_id")):
            if hit.kind.startswith(kind) and cells[column][row] >= 0:
                return int(cells[column][row])
        return int(cells["first_id"][row])

    def _words(
        self, hit: Hit, dense: dict[str, np.ndarray], cells: dict[str, Any], row: int,
        statuses: dict[str, Any], part: slice, finding: Finding,
    ) -> list[str]:  # fmt: skip
        s = self._judge.services
        width = words.length(self._width)
        usual, now = words.usually(hit.expected), words.percent(hit.actual)
        count = int(dense["count"][hit.service])
        sample = words.quoted(finding.message or "")
        match hit.kind:
            case "error_burst" | "status_mix":
                reasons = self._status_words(hit, statuses, part, count)
                what = "errors" if hit.kind == "error_burst" else "answers with a 4xx status"
                reasons.append(f"{now} of this service's records are {what}, {usual}")
                if finding.level in _LEVELS[2:]:
                    reasons.append(f"most of them: {sample}")
                return reasons
            case "latency_drift":
                median = words.median_of(dense["latency"][hit.service])
                before = words.median_of(s.histogram[hit.service])
                return [
                    f"responses take {hit.actual:.1f} times as long as usual (median "
                    f"{words.milliseconds(median)}, {words.milliseconds(before)} usually)"
                ]
            case "credential_stuffing" | "failed_logins":
                reasons = [
                    f"{int(hit.actual)} records of failed logins in {width}, "
                    f"{words.number(hit.expected)} usually"
                ]
                if row >= 0 and cells["top_count"][row] >= 3 and cells["top_address"][row]:
                    reasons.append(
                        f"{cells['top_address'][row]} alone failed "
                        f"{int(cells['top_count'][row])} times, as about "
                        f"{max(1, round(cells['top_users'][row]))} users"
                    )
                return reasons
            case "new_template":
                known = words.number(self._judge.templates.known_before[hit.slot])
                more = f", and {hit.slots - 1} other new" if hit.slots > 1 else ""
                return [
                    f"{finding.level} message never seen in {known} records of this service "
                    f"before: {sample}, {int(hit.actual)} times until now{more}"
                ]
            case "template_surge":
                return [
                    f"{finding.level} message {sample} {int(hit.actual)} times in {width}, "
                    f"{words.number(hit.expected)} usually"
                ]
            case "template_vanished":
                rate = f"{words.number(hit.expected)} {words.per(self._width)}"
                return [f"message {sample} is gone, {rate} usually"]
        silent = float(s.silent[hit.service])
        return [words.volume_words(hit, width, self._width, max(1.0, silent))]

    def _status_words(
        self, hit: Hit, statuses: dict[str, Any], part: slice, count: int
    ) -> list[str]:
        least = 500 if hit.kind == "error_burst" else 400
        codes, owner = statuses["facet"][part], statuses["service"][part]
        mine = (owner == hit.service) & (codes >= least) & (codes < least + 100)
        if not mine.any() or count == 0:
            return []
        numbers = np.where(mine, statuses["count"][part], 0)
        at = int(np.argmax(numbers))
        status = int(codes[at])
        usual = self._usual_status(hit.service, status, hit.window)
        return [
            f"status {status}, {words.percent(numbers[at] / count)} of this service's requests "
            f"now, {words.usually(usual)}"
        ]

    # --- records ----------------------------------------------------------------------------
    def records(self, found: list[Unusual], rows: pa.Table, first_row: int) -> list[Finding]:
        """Findings of single records; ``rows`` are the records, in the order of ``found``."""
        import pyarrow as pa

        self.names = self._signals.services()
        index = {name: number for number, name in enumerate(self.names)}
        stamps = rows["timestamp"].cast(pa.int64()).to_pylist()
        columns = {
            name: rows[name].to_pylist()
            for name in ("id", "tenant", "service", "level", "message", "template_id",
                         "status_code", "response_time")
        }  # fmt: skip
        names = self._forest.names
        findings = []
        for i, unusual in enumerate(found):
            record = {name: values[i] for name, values in columns.items()}
            tenant = record["tenant"] or "default"
            key = record["service"] or ""
            service = index.get(key if tenant == "default" else f"{tenant}\x1f{key}", -1)
            window = stamps[i] // (self._width * 1_000_000)
            order = np.argsort(-unusual.contributions)[:4]
            top = [int(k) for k in order if unusual.contributions[k] > 0]
            if unusual.own is not None:
                first = names.index(unusual.own)
                top = [first, *(k for k in top if k != first)]
            score = score_of(unusual.surprise, self._forest.threshold)
            findings.append(
                Finding(
                    kind="unusual_record",
                    service=key,
                    tenant=tenant,
                    log_id=record["id"] if record["id"] is not None else first_row + unusual.row,
                    timestamp_us=stamps[i],
                    score=score,
                    confidence=unusual.confidence,
                    impact=0.0,
                    reasons=self._record_words(top, unusual, record, service, window),
                    actual=unusual.score,
                    expected=self._forest.tails[0].start,
                    features=[
                        Feature(
                            names[k],
                            float(unusual.values[k]),
                            float(self._forest.usual[k]),
                            float(unusual.contributions[k]),
                        )
                        for k in top
                    ],
                    window_us=(
                        window * self._width * 1_000_000,
                        (window + 1) * self._width * 1_000_000,
                    ),
                    incident_us=stamps[i],
                    template_id=record["template_id"],
                    template=_core.template_text(record["message"]),
                    level=record["level"],
                    message=record["message"],
                    samples=[record["message"]],
                    cap="medium" if record["level"] in {"DEBUG", "INFO"} else "high",
                )
            )
        return findings

    def _record_words(
        self, top: list[int], unusual: Unusual, record: dict[str, Any], service: int, window: int
    ) -> list[str]:
        names, reasons = self._forest.names, []
        for k in top:
            value, usual = float(unusual.values[k]), float(self._forest.usual[k])
            text = self._feature_words(names[k], value, usual, record, service, window)
            if text and text not in reasons:
                reasons.append(text)
        return reasons[:3] or ["an unusual combination of otherwise usual values"]

    def _feature_words(
        self, name: str, value: float, usual: float, record: dict[str, Any], service: int,
        window: int,
    ) -> str:  # fmt: skip
        s = self._judge.services
        if name == "status_code":
            status = record["status_code"]
            if status is None or service < 0:
                return ""
            count, same = self._signals.peek(window, service, int(status))
            if status < 400 or service >= s.size:
                return f"status {status}"
            before = self._usual_status(service, int(status), window)
            if count == 0:  # its window is over
                return (
                    f"status {status}, {words.percent(before)} of this service's requests usually"
                )
            now = words.percent(same / count)
            return f"status {status}, {now} of this service's requests now, {words.usually(before)}"
        if name in {"response_time", "response_time_deviation"}:
            ms = record["response_time"]
            if ms is None:
                return ""
            known = 0 <= service < s.size and s.histogram[service].sum() > 0
            median = words.median_of(s.histogram[service]) if known else math.nan
            if math.isnan(median):
                return f"response time {words.milliseconds(ms)}"
            return (
                f"response time {words.milliseconds(ms)}, {words.milliseconds(median)} usually "
                "for this service"
            )
        if name == "template_rarity":
            if value <= usual:
                return ""
            return f"a message that makes up {words.percent(2.0**-value)} of the records"
        if name.startswith("level_"):
            level = name.removeprefix("level_")
            return f"level {level}" if value == 1.0 else ""
        if name.endswith("_length"):
            return f"{name.replace('_', ' ')} {value:.0f} bytes, {usual:.0f} usually"
        return ""
