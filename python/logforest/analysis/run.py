"""Reading in one thread, counting and detection in another."""

from __future__ import annotations

import os
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from logforest.errors import ConfigError, ParseError

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest.batch import LogBatch
    from logforest.detection import Detector

__all__ = ["Analysis", "analyze"]

_BATCH_ROWS = 50_000
_BATCHES_AHEAD = 2
_MOST_REJECTS = 20  # kept as examples
_MOST_TEMPLATES = 1000
_FOREVER_S = 1e9  # files beside each other in time: windows stay open until the end
_GRACE_S = 300.0
_PATIENCE_S = 1.0
_BASE = "1m"


@dataclass(slots=True)
class Analysis:
    """What :func:`analyze` found. ``to_dict`` is JSON-ready."""

    files: list[str]
    format: str = ""
    records: int = 0
    rejected: int = 0
    lines: int = 0
    continuation: int = 0
    blank: int = 0
    ambiguous_dates: int = 0
    every: str = _BASE
    first_us: int | None = None
    last_us: int | None = None
    by_level: dict[str, int] = field(default_factory=dict)
    by_status: dict[str, int] = field(default_factory=dict)
    by_service: dict[str, int] = field(default_factory=dict)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=list)
    windows: list[dict[str, Any]] = field(default_factory=list)
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Times are ISO 8601 in UTC; ``windows`` add up to ``records``."""
        return {
            "files": self.files,
            "records": self.records,
            "rejected": self.rejected,
            "lines": self.lines,
            "continuation": self.continuation,
            "blank": self.blank,
            "ambiguous_dates": self.ambiguous_dates,
            "format": self.format,
            "time_range": {"start": iso(self.first_us), "end": iso(self.last_us)},
            "every": self.every,
            "by_level": self.by_level,
            "by_status": self.by_status,
            "by_service": self.by_service,
            "rejects": self.rejects,
            "templates": self.templates,
            "windows": self.windows,
            "anomalies": self.anomalies,
            "notes": self.notes,
        }


def iso(us: int | None) -> str | None:
    """Microseconds since 1970 as ISO 8601; None stays None, so does what no calendar holds."""
    if us is None:
        return None
    from datetime import UTC, datetime, timedelta

    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    except OverflowError:
        return None
    return when.isoformat().replace("+00:00", "Z")


def analyze(
    files: Sequence[str],
    *,
    format: str = "auto",
    pattern: str | None = None,
    encoding: str | None = None,
    day_first: bool = False,
    every: str = "auto",
    damaged: str = "raise",
    on_lines: Callable[[int], None] | None = None,
) -> Analysis:
    """Read ``files`` (paths, globs, ``-``) and report on them.

    ``encoding``, ``day_first`` and ``damaged`` are those of :func:`logforest.read_logs`; ``every``
    is the width of a window (``auto``: by the density of the logs); ``on_lines`` is told now and
    then how many lines have been read.

    Raises ParseError when there is nothing to report on: no file, no record, damaged compression,
    text of which every tenth line is not of the encoding.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".log") as f:
    ...     _ = f.write('{"ts": 0, "level": "info", "service": "a", "msg": "x"}')
    ...     f.flush()
    ...     analyze([f.name]).by_service
    {'a': 1}
    """
    if not files:
        raise ConfigError("no file given: name log files, or - for standard input")
    look = _Look(list(files), every)
    options = {
        "format": format, "pattern": pattern, "encoding": encoding, "damaged": damaged,
        "day_first": day_first,
    }  # fmt: skip
    for batch in _ahead(_read(files, options, on_lines)):
        look.add(batch)
    return look.finish()


def _read(
    files: Sequence[str],
    options: dict[str, Any],
    on_lines: Callable[[int], None] | None,
) -> Iterator[LogBatch]:
    from logforest._streams import too_many, wrong_encoding
    from logforest.parsing import read_logs

    lines = 0
    if all(os.path.isfile(name) and os.path.getsize(name) == 0 for name in files):
        what = f"{files[0]} is empty" if len(files) == 1 else f"all {len(files)} files are empty"
        raise ParseError(f"{what}: there is nothing to analyze")
    for name in files:
        for batch in read_logs(name, batch_rows=_BATCH_ROWS, **options):
            counts = batch.counts
            text = 2 * counts["rejected"] <= counts["lines"]  # else it is worse than that
            if text and too_many(counts["repaired_bytes"], counts["lines"]):
                raise wrong_encoding(name)
            yield batch
            lines += batch.counts["lines"]
            if on_lines is not None:
                on_lines(lines)


def _ahead(batches: Iterator[LogBatch]) -> Iterator[LogBatch]:
    """Runs the iterator in a thread of its own, a few batches ahead; its errors come out here."""
    passing: queue.Queue[LogBatch | BaseException | None] = queue.Queue(_BATCHES_AHEAD)
    stopped = threading.Event()

    def put(item: LogBatch | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                passing.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for batch in batches:
                if not put(batch):
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, name="lf-read", daemon=True)
    thread.start()
    try:
        while True:
            item = passing.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join(_PATIENCE_S)  # it may be waiting for a terminal, which may never write


class _Look:
    """Counts what goes by."""

    def __init__(self, files: list[str], every: str) -> None:
        self.result = Analysis(files)
        self.every = every
        self.statuses: Counter[int] = Counter()
        self.formats: set[str] = set()
        self.tables: list[Any] = []
        self.found: list[pa.Table] = []
        self.detector: Detector | None = None

    def add(self, batch: LogBatch) -> None:
        """Take in one batch."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from logforest.windows import aggregate, merge

        result, counts = self.result, batch.counts
        for name in ("lines", "rejected", "continuation", "blank", "ambiguous_dates"):
            setattr(result, name, getattr(result, name) + counts[name])
        result.records += batch.num_rows
        if counts["rejected"] and len(result.rejects) < _MOST_REJECTS:
            rows = batch.rejected.slice(0, _MOST_REJECTS - len(result.rejects)).to_pylist()
            result.rejects += rows
        if batch.num_rows == 0:
            return
        self.formats.add(batch.format)
        stamps = pc.min_max(batch["timestamp"].cast(pa.int64())).as_py()
        result.first_us = min(stamps["min"], _or(result.first_us, stamps["min"]))
        result.last_us = max(stamps["max"], _or(result.last_us, stamps["max"]))
        for pair in pc.value_counts(batch["status_code"]).to_pylist():
            if pair["values"] is not None:
                self.statuses[pair["values"]] += pair["counts"]
        if self.detector is None:
            self._start(batch)
        assert self.detector is not None
        self.tables.append(aggregate(batch, every=_BASE, by=("service", "level"), threads=1))
        if len(self.tables) >= 16:
            self.tables = [merge(self.tables)]
        self.found.append(self.detector.process(batch))

    def _start(self, batch: LogBatch) -> None:
        """The width of windows, by the first batch, and the detector."""
        from logforest.detection import Detector, auto_window

        every = self.every
        if every == "auto":
            # A first batch that is full is the beginning of more: no need for many windows in it.
            every = auto_window(batch, whole=batch.num_rows < _BATCH_ROWS)
        many = len(self.result.files) > 1 or any("*" in name for name in self.result.files)
        self.result.every = every
        self.detector = Detector(
            every=every,
            grace_seconds=_FOREVER_S if many else _GRACE_S,
            forest_warmup=_BATCH_ROWS,
        )

    def finish(self) -> Analysis:
        """Judge what is open and put the report together."""
        import pyarrow as pa

        from logforest.windows import merge

        result = self.result
        if self.detector is None:
            raise ParseError(_nothing(result))
        _complain(result)
        self.found.append(self.detector.flush())
        result.format = self.formats.pop() if len(self.formats) == 1 else "mixed"
        result.by_status = {str(s): n for s, n in sorted(self.statuses.items())}
        windows = merge(self.tables)
        result.by_level = _sums(windows, "level")
        result.by_service = _sums(windows, "service")
        result.windows = _window_rows(windows.rollup(every=result.every, by=("service",)))
        anomalies = pa.concat_tables(self.found).sort_by("timestamp")
        result.anomalies = [_json_row(row) for row in anomalies.to_pylist()]
        result.templates = _templates(self.detector)
        status = self.detector.status()
        if result.ambiguous_dates:
            result.notes.append(
                f"{result.ambiguous_dates:,} dates can be read in more than one way, like "
                "03/04/2025; --day-first reads the day first"
            )
        if status["note"]:
            result.notes.append(status["note"])
        if status["late_records"]:
            result.notes.append(
                f"{status['late_records']:,} records came long after their time: they are counted, "
                "but were not looked at by windows"
            )
        if status["record_findings_not_listed"]:
            result.notes.append(
                f"{status['record_findings_not_listed']:,} more unusual records of the same kind "
                "are not listed"
            )
        return result


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _nothing(result: Analysis) -> str:
    from logforest._streams import wide_encoding

    names = ", ".join(result.files)
    if not result.rejects:
        if not result.blank:
            return f"{names} is empty: there is nothing to analyze"
        return f"{names}: no log records in it, only {result.blank:,} blank lines"
    for name in result.files:
        if wide := wide_encoding(name):
            return f"{name}: the text is not UTF-8; it looks like --encoding {wide}"
    first = result.rejects[0]
    return (
        f"{names}: no log records in it, {result.rejected:,} of {result.lines:,} lines were "
        f"rejected (line {first['line']}: {_reason(first['reason'])}); is it a log file? "
        "--format names its format"
    )


def _complain(result: Analysis) -> None:
    """Mostly broken text is an error: a report on the rest would mislead."""
    reasons = Counter(row["reason"] for row in result.rejects)
    if not reasons or result.rejected <= result.records:
        return
    reason, _ = reasons.most_common(1)[0]
    hint = {
        "invalid_utf8": "say what it is, for example --encoding latin-1",
        "binary": "it looks like a binary file",
    }.get(reason, "--format names another format")
    raise ParseError(
        f"{', '.join(result.files)}: {result.rejected:,} of {result.lines:,} lines cannot be read "
        f"({_reason(reason)}); {hint}"
    )


def _reason(code: str) -> str:
    return str(code).replace("_", " ")


def _sums(windows: Any, key: str) -> dict[str, int]:
    table = windows.to_arrow().group_by(key).aggregate([("count", "sum")])
    rows = zip(table[key].to_pylist(), table["count_sum"].to_pylist(), strict=True)
    return {str(name or ""): int(n) for name, n in sorted(rows, key=lambda r: (-r[1], r[0] or ""))}


def _window_rows(windows: Any) -> list[dict[str, Any]]:
    names = ["window_start", "service", "count", "error_count", "response_time_p50",
             "response_time_p95"]  # fmt: skip
    return [_json_row(row) for row in windows.to_arrow().select(names).to_pylist()]


def _json_row(row: dict[str, Any]) -> dict[str, Any]:
    from datetime import datetime

    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _templates(detector: Detector) -> list[dict[str, Any]]:
    """Templates over all services, most frequent first."""
    from logforest.templates import TemplateMiner

    seen = detector.template_counts()
    if not seen:
        return []
    # The miner groups the distinct messages' shapes; the counts are those of the detector.
    ids = TemplateMiner().fit_transform([example for example, _, _ in seen])
    grouped: dict[int, dict[str, Any]] = {}
    for key, (example, count, text) in zip(ids.tolist(), seen, strict=True):
        entry = grouped.setdefault(
            key, {"id": key, "template": text, "count": 0, "example": example, "shapes": 0}
        )
        entry["count"] += count
        entry["shapes"] += 1
    rows = sorted(grouped.values(), key=lambda entry: (-entry["count"], entry["id"]))
    return rows[:_MOST_TEMPLATES]
