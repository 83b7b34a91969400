"""Arrow tables: cast to the schema of a record, as the core wants it; as a stream of bytes."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from logforest.errors import ConfigError

_TIME = pa.timestamp("us", "UTC")
_TEXT = pa.string()
_CODES = pa.uint8()
_TYPES: dict[str, pa.DataType] = {
    "id": pa.int64(),
    "tenant": _TEXT,
    "timestamp": _TIME,
    "level": _CODES,
    "service": _TEXT,
    "source": _TEXT,
    "message": _TEXT,
    "endpoint": _TEXT,
    "method": _TEXT,
    "status_code": pa.int16(),
    "response_time": pa.float64(),
    "ip_address": _TEXT,
    "user_id": _TEXT,
    "trace_id": _TEXT,
    "span_id": _TEXT,
    "category": _CODES,
    "template_id": pa.int64(),
    "metadata": _TEXT,
    "created_at": _TIME,
}


def ipc_stream(table: pa.Table) -> bytes:
    """The table in Arrow's IPC streaming format."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


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
    twice = [name for name in _TYPES if table.column_names.count(name) > 1]
    if twice:
        raise ConfigError(
            f"column {twice[0]!r} is there {table.column_names.count(twice[0])} times"
        )
    columns = {name: _cast(name, table[name]) for name in _TYPES if name in table.column_names}
    rows = table.num_rows
    now = pa.scalar(datetime.datetime.now(datetime.UTC), _TIME)
    for name, value in (
        ("timestamp", now),
        ("level", pa.scalar("INFO")),
        ("message", pa.scalar("", pa.string())),
    ):
        if name not in columns:
            columns[name] = pa.chunked_array([pa.repeat(value, rows)])
        elif columns[name].null_count:
            column = columns[name]
            if pa.types.is_dictionary(column.type):
                column = column.cast(pa.string())
            columns[name] = pc.fill_null(column, value.cast(column.type))
    return pa.table(columns)


def _cast(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    wanted = _TYPES[name]
    if column.type == wanted:
        return column
    try:
        if wanted in (_TEXT, _CODES) and not pa.types.is_integer(column.type):
            return _text(column)
        if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(column.type):
            if column.type.tz is None:
                column = pc.assume_timezone(column, "UTC")
            return column.cast(wanted, safe=False)  # nanoseconds are cut
        if pa.types.is_dictionary(column.type):
            column = _text(column).cast(pa.string())
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise ConfigError(f"column {name!r} ({column.type}) cannot be read: {error}") from None


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Strings, plain or dictionary encoded, in a layout that the core reads."""
    if not pa.types.is_dictionary(column.type):
        return column if pa.types.is_large_string(column.type) else column.cast(pa.string())
    chunks = [
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()))
        for chunk in column.chunks
    ]
    indices = column.type.index_type
    return pa.chunked_array(chunks, pa.dictionary(indices, pa.string()))
