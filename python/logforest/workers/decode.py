"""From queue entries to numbered records: the same bytes give the same rows and ids each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import ConfigError
from logforest.stores.base import Block, Receipt, partials

if TYPE_CHECKING:
    import pyarrow as pa

    from logforest._core import StreamItem

__all__ = ["Decoded", "decode", "entry_key", "keys_of", "make_block"]

Body = tuple[bytes | _core.PlainBytes, str, str, str, str, int]


@dataclass(slots=True)
class Decoded:
    """The records of some entries, and which of them are whose."""

    items: list[StreamItem]
    logs: LogBatch
    rows: list[tuple[int, int]]  # records and rejects of each item
    refused: set[str]  # single entries that could not be read


def entry_key(entry_id: str) -> str:
    """The ledger key of an entry of one record that another producer wrote."""
    return f"entry:{entry_id}"


def keys_of(item: StreamItem) -> list[str]:
    """The ledger keys of an item."""
    return [item.key] if item.block else [entry_key(i) for i in item.entry_ids]


def _bodies(item: StreamItem) -> list[Body]:
    data = _core.open_item(item)
    parts = orjson.loads(item.options).get("parts") if item.options else None
    if not parts:
        return [(data, item.format, item.tenant, "", "", item.received_us)]
    bodies: list[Body] = []
    at = 0
    for size, log_format, service, source, received_us in parts:
        bodies.append((data.part(at, size), log_format, item.tenant, service, source, received_us))
        at += size
    if at != len(data):
        raise ConfigError(f"block {item.key}: its parts cover {at} of {len(data)} bytes")
    return bodies


def decode(items: Sequence[StreamItem], *, form: str = "stored") -> Decoded:
    """Parse, mask, enrich and number the records of entries, in order.

    ``form``: ``stored`` is all that the store keeps, ``scored`` what detection looks at.

    Raises:
        ConfigError: an entry is malformed, or holds more records than ids were reserved.
    """
    bodies: list[Body] = []
    spans = []
    for item in items:
        mine = _bodies(item)
        bodies += mine
        spans.append(len(mine))
    core, parts = _core.ingest(bodies, 1, form)
    starts: list[int] = []
    counts: list[int] = []
    rows = []
    part = 0
    rejected_lines = None
    rejected_at = 0
    refused: set[str] = set()
    for item, span in zip(items, spans, strict=True):
        records = sum(p[0] for p in parts[part : part + span])
        rejected = sum(p[1] for p in parts[part : part + span])
        part += span
        if item.block:
            if records > item.count:
                raise ConfigError(
                    f"block {item.key} holds {records} records, but {item.count} ids were reserved"
                )
            starts.append(item.first_id)
            counts.append(records)
        else:
            if rejected and rejected_lines is None:
                rejected_lines = _rejected_lines(core)
            gone: set[int] = set()
            if rejected and rejected_lines is not None:
                gone = {n - 1 for n in rejected_lines[rejected_at : rejected_at + rejected]}
                refused |= {item.entry_ids[at] for at in gone}
            ids = [i for at, i in enumerate(item.record_ids) if at not in gone]
            if len(ids) != records:
                raise ConfigError(f"{len(ids)} entries gave {records} records")
            starts += ids
            counts += [1] * records
        rejected_at += rejected
        rows.append((records, rejected))
    _core.number_records(core, starts, counts)
    return Decoded(list(items), LogBatch._from_core(core), rows, refused)


def _rejected_lines(core: _core.LogBatch) -> list[int]:
    import pyarrow as pa

    lines: list[int] = pa.table(core.rejected())["line"].to_pylist()
    return lines


def _receipts(decoded: Decoded) -> list[Receipt]:
    out = []
    refused = decoded.refused
    for item, (records, rejected) in zip(decoded.items, decoded.rows, strict=True):
        if item.block:
            options = orjson.loads(item.options) if item.options else {}
            out.append(
                Receipt(
                    item.key, options.get("digest", ""), item.first_id, records, rejected,
                    options.get("answer", "[]"),
                )
            )  # fmt: skip
        else:
            out += [
                Receipt(entry_key(e), "", i, int(e not in refused), int(e in refused), "[]")
                for e, i in zip(item.entry_ids, item.record_ids, strict=True)
            ]
    return out


def make_block(decoded: Decoded) -> Block:
    """What is committed in one transaction: records, rejects, windows, one ledger row a key."""
    windows: pa.Table | None = None
    if decoded.logs.num_rows:
        windows = partials(decoded.logs)
    return Block(key="", logs=decoded.logs, windows=windows, receipts=_receipts(decoded))
