"""A detector as one file: magic, length and JSON header, raw sections, SHA-256 over all of it.

Nothing is unpickled; sizes, types and shapes are checked before use, so a hostile file is refused.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from logforest import _core
from logforest._model_file import sealed, unsealed
from logforest.detection.baselines import Groups, Services, Templates
from logforest.detection.records import OWN
from logforest.detection.surprise import Pareto, Tail
from logforest.errors import LogforestError, ModelError
from logforest.features import LogFeatureExtractor
from logforest.forest import IsolationForest

if TYPE_CHECKING:
    from logforest.detection.detector import Detector
    from logforest.detection.records import RecordJudge
    from logforest.detection.windows import WindowJudge

D = TypeVar("D", bound="Detector")

MAGIC = b"LFDT0003"
_TYPES = {"<f8", "<f4", "<i8", "<i4", "|u1"}
_MOST_CELLS = 1 << 28


def dump(detector: Detector) -> bytes:
    """Everything, open windows and records that wait for the first forest too."""
    import pyarrow as pa

    from logforest._arrow import ipc_stream

    judge, records = detector._windows, detector._records
    sections: dict[str, np.ndarray] = {
        "signals": np.frombuffer(detector._signals.save(), np.uint8),
        "extractor": np.frombuffer(records.extractor.to_bytes(), np.uint8),
        "kinds": np.frombuffer(records.kinds.save(), np.uint8),
        "sample": records.sample,
        "usual": records.usual,
        "strange": records.strange,
    }
    if records.forest is not None:
        sections["forest"] = np.frombuffer(records.forest.to_bytes(), np.uint8)
    for prefix, part in _parts(judge):
        for name in part.ARRAYS:
            sections[f"{prefix}.{name}"] = getattr(part, name)
    for kind, tail in judge.incidents.tails.items():
        sections[f"tail.{kind}"] = tail.values
    for number, (core, _, _, rows) in enumerate(detector._waiting):
        sections[f"waiting.{number}"] = np.frombuffer(ipc_stream(pa.table(core)), np.uint8)
        sections[f"waiting.{number}.rows"] = rows
    header = {
        "options": detector.options,
        "next": detector._next,
        "judged": detector._judged,
        "suppressed": detector._suppressed,
        "records": [records.sampled, records.since_fit, records.fits],
        "record_tails": [[t.share, t.start, t.scale, t.shape] for t in records.tails],
        "records_judged": records.judged,
        "fixed": records.fixed,
        "tails": {
            k: [t.seen, t.next, t.start, t.scale, t.shape] for k, t in judge.incidents.tails.items()
        },
        "open": [[*key, *value] for key, value in judge.incidents.open.items()],
        "statuses": [[*k, *v] for k, v in detector._explainer.statuses.items()],
        "waiting": [[first, begin] for _, first, begin, _ in detector._waiting],
        "listed": [
            [window, *key, n]
            for window, seen in detector._listed.items()
            for key, n in seen.items()
        ],
        "sections": [[n, a.dtype.str, list(a.shape)] for n, a in sections.items()],
    }
    text = json.dumps(header).encode()
    cells = (np.ascontiguousarray(a).tobytes() for a in sections.values())
    return sealed(MAGIC, len(text).to_bytes(8, "little"), text, *cells)


def restore(data: bytes, make: type[D]) -> D:
    """Read :func:`dump`; ModelError on anything else."""
    try:
        header, sections = _open(data)
        return _build(header, sections, make)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, LogforestError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"detector file: it does not fit together ({error})") from error


def _open(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    body = unsealed(MAGIC, data, "detector file")
    start = 8
    length = int.from_bytes(body[:start], "little")
    if length > len(body) - start:
        raise ModelError("detector file: it ends too early")
    header = json.loads(bytes(body[start : start + length]))
    at = start + length
    sections = {}
    for name, kind, shape in header["sections"]:
        cells = math.prod(shape)
        if kind not in _TYPES or min(shape, default=0) < 0 or cells > _MOST_CELLS:
            raise ModelError(f"detector file: section {name!r} has no allowed type or shape")
        size = cells * np.dtype(kind).itemsize
        if at + size > len(body):
            raise ModelError("detector file: it ends too early")
        sections[name] = np.frombuffer(body, kind, cells, at).reshape(shape).copy()
        at += size
    if at != len(body):
        raise ModelError("detector file: there is more than expected")
    return header, sections


def _build(header: dict[str, Any], sections: dict[str, np.ndarray], make: type[D]) -> D:
    detector = make(**header["options"])
    judge, records = detector._windows, detector._records
    signals = _core.Signals.load(sections["signals"].tobytes())
    if signals.window_us != detector.width * 1_000_000:
        raise ModelError("detector file: the window widths differ")
    detector._signals = detector._explainer._signals = signals
    judge.by_template.use(signals)
    _restore_judge(records, header, sections)
    for prefix, part in _parts(judge):
        _fill(part, prefix, sections)
    groups = judge.by_template.groups
    for places, most in ((judge.templates.group, groups.size),
                         (groups.founder, judge.templates.size)):  # fmt: skip
        if len(places) and not 0 <= places.min() <= places.max() < most:
            raise ModelError("detector file: groups of templates point nowhere")
    if judge.services.size > len(signals.services()) or judge.templates.size > signals.num_slots:
        raise ModelError("detector file: more services or templates than are named")
    for kind, (seen, due, start, scale, shape) in header["tails"].items():
        tail = Tail(size=len(sections[f"tail.{kind}"]))
        tail.values, tail.seen, tail.next = sections[f"tail.{kind}"], int(seen), int(due)
        tail.start, tail.scale, tail.shape = float(start), float(scale), float(shape)
        judge.incidents.tails[str(kind)] = tail
    judge.incidents.open = {(str(k), int(s)): (int(a), int(b)) for k, s, a, b in header["open"]}
    detector._explainer.statuses = {
        (int(s), int(c)): (float(n), int(w)) for s, c, n, w in header["statuses"]
    }
    detector._next = None if header["next"] is None else int(header["next"])
    _restore_records(detector, header, sections)
    detector._judged, detector._suppressed = int(header["judged"]), int(header["suppressed"])
    return detector


def _restore_judge(
    records: RecordJudge, header: dict[str, Any], sections: dict[str, np.ndarray]
) -> None:
    """The forest, what it is grown on, and what is usual among records."""
    extractor = LogFeatureExtractor.from_bytes(sections["extractor"].tobytes(), n_jobs=1)
    if list(extractor.get_feature_names_out()) != records.names:
        raise ModelError("detector file: the features are others")
    records.extractor = extractor
    if "forest" in sections:
        records.forest = IsolationForest.from_bytes(sections["forest"].tobytes())
        if records.forest.n_features_in_ != len(records.names):
            raise ModelError("detector file: the forest has other features")
    records.kinds = _core.Kinds.load(sections["kinds"].tobytes())
    records.tails = [Pareto(*map(float, tail)) for tail in header["record_tails"]]
    sampled, since, fits = header["records"]
    records.sampled, records.since_fit, records.fits = int(sampled), int(since), int(fits)
    records.fixed = bool(header["fixed"])
    records.sample, records.usual = sections["sample"], sections["usual"]
    records.judged, records.strange = int(header["records_judged"]), sections["strange"]
    if records.strange.dtype != np.float64 or records.strange.shape[:1] != (2,):
        raise ModelError("detector file: the strange records have another type or shape")
    width = len(records.names) + len(OWN)
    if records.sample.dtype != np.float32 or records.sample.shape[1:] != (width,):
        raise ModelError("detector file: the sample has other features")
    if len(records.tails) != (1 + len(OWN) if records.fits else 0):
        raise ModelError("detector file: a tail is missing")
    if records.fits and (records.forest is None or len(records.usual) != len(records.names)):
        raise ModelError("detector file: the forest is missing")


def _restore_records(
    detector: Detector, header: dict[str, Any], sections: dict[str, np.ndarray]
) -> None:
    """Records before the first forest, and how many of each template were listed lately."""
    width = len(detector._records.names) + len(OWN)
    for number, (first, begin) in enumerate(header["waiting"]):
        core, rows = _batch(sections[f"waiting.{number}"]), sections[f"waiting.{number}.rows"]
        if rows.dtype != np.float32 or rows.shape[1:] != (width,):
            raise ModelError("detector file: waiting records have other features")
        if not 0 <= int(begin) <= core.num_rows - len(rows):
            raise ModelError("detector file: waiting records are missing")
        detector._waiting.append((core, int(first), int(begin), rows))
    for window, service, template, n in header["listed"]:
        key = (str(service), None if template is None else int(template))
        detector._listed.setdefault(int(window), {})[key] = int(n)


def _parts(judge: WindowJudge) -> tuple[tuple[str, Services | Templates | Groups], ...]:
    return (
        ("services", judge.services),
        ("templates", judge.templates),
        ("groups", judge.by_template.groups),
    )


def _batch(section: np.ndarray) -> _core.LogBatch:
    import pyarrow as pa

    with pa.ipc.open_stream(pa.py_buffer(section.tobytes())) as reader:
        table = reader.read_all()
    table.validate(full=True)
    return _core.LogBatch.from_arrow(table)


def _fill(
    part: Services | Templates | Groups, prefix: str, sections: dict[str, np.ndarray]
) -> None:
    sizes = set()
    for name in part.ARRAYS:
        expected, got = getattr(part, name), sections[f"{prefix}.{name}"]
        if got.dtype != expected.dtype or got.shape[1:] != expected.shape[1:]:
            raise ModelError(f"detector file: {prefix}.{name} has another type or shape")
        setattr(part, name, got)
        sizes.add(len(got))
    if len(sizes) != 1:
        raise ModelError(f"detector file: the arrays of {prefix} differ in length")
    part.size = sizes.pop()
