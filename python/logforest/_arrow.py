"""Casts any Arrow table to the schema of a record, as the core wants it."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from logforest import _core
from logforest.errors import ConfigError

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")
CATEGORIES = ("General", "Business", "Performance", "Security")

_TIME = pa.timestamp("us", "UTC")
_DICT = pa.dictionary(pa.int32(), pa.string())
_TYPES: dict[str, pa.DataType] = {
    "id": pa.int64(),
    "tenant": _DICT,
    "timestamp": _TIME,
    "level": pa.uint8(),
    "service": _DICT,
    "source": _DICT,
    "message": pa.string(),
    "endpoint": pa.string(),
    "method": _DICT,
    "status_code": pa.int16(),
    "response_time": pa.float64(),
    "ip_address": pa.string(),
    "user_id": pa.string(),
    "trace_id": pa.string(),
    "span_id": pa.string(),
    "category": pa.uint8(),
    "template_id": pa.int64(),
    "metadata": pa.string(),
    "created_at": _TIME,
}


def conform(source: Any) -> pa.Table:
    """A table with the record's types; missing required columns are filled in."""
    if isinstance(source, pa.Table):
        table = source
    else:
        try:
            table = pa.table(source)
        except (TypeError, ValueError, pa.ArrowInvalid) as error:
            raise ConfigError(f"not an Arrow table: {error}") from None
    unknown = [name for name in table.column_names if name not in _TYPES]
    if unknown:
        raise ConfigError(
            f"unknown column {unknown[0]!r}: a record has {', '.join(_TYPES)}; "
            "drop it, or put it into metadata as JSON"
        )
    columns = {name: _cast(name, table[name]) for name in _TYPES if name in table.column_names}
    rows = table.num_rows
    now = pa.scalar(datetime.datetime.now(datetime.UTC), _TIME)
    for name, value in (
        ("timestamp", now),
        ("level", pa.scalar(LEVELS.index("INFO"), pa.uint8())),
        ("message", pa.scalar("", pa.string())),
    ):
        if name not in columns:
            columns[name] = pa.chunked_array([pa.repeat(value, rows)])
        elif columns[name].null_count:
            columns[name] = pc.fill_null(columns[name], value)
    return pa.table(columns)


def _cast(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    wanted = _TYPES[name]
    if column.type == wanted:
        return column
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if name in ("level", "category") and not pa.types.is_integer(column.type):
            return _codes(name, column.cast(pa.string()))
        if name == "timestamp" and pa.types.is_timestamp(column.type) and column.type.tz is None:
            column = pc.assume_timezone(column, "UTC")
        if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(column.type):
            return column.cast(wanted, safe=False)  # nanoseconds are cut
        if wanted == _DICT:
            return column.cast(pa.string()).dictionary_encode()
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise ConfigError(f"column {name!r} ({column.type}) cannot be read: {error}") from None


def _codes(name: str, names: pa.ChunkedArray) -> pa.ChunkedArray:
    if name == "level":
        encoded = names.combine_chunks().dictionary_encode()
        spellings = encoded.dictionary.to_pylist()
        codes = [_core.level_code(text) for text in spellings]
        bad = [text for text, code in zip(spellings, codes, strict=True) if code is None]
        table = pa.array(codes, pa.uint8())
        result = table.take(encoded.indices)
    else:
        bad = [text for text in pc.unique(names).to_pylist() if text not in (*CATEGORIES, None)]
        result = pc.index_in(names, pa.array(CATEGORIES)).cast(pa.uint8())
    if bad:
        raise ConfigError(f"column {name!r} holds {bad[0]!r}, which is no {name}")
    return result if isinstance(result, pa.ChunkedArray) else pa.chunked_array([result])
