"""What a user hands in, as the core reads it, without a copy where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Capsule", "core_batch", "microseconds", "text_source"]


def core_batch(logs: Any) -> _core.LogBatch:
    """Return the C++ batch behind ``logs``: a LogBatch, or what ``LogBatch.from_arrow`` takes."""
    core = getattr(logs, "_core", logs)
    if isinstance(core, _core.LogBatch):
        return core
    if hasattr(core, "__arrow_c_stream__") or hasattr(core, "__arrow_c_array__"):
        return LogBatch.from_arrow(core)._core
    raise ConfigError(
        f"expected a LogBatch or an Arrow table of records, got {type(logs).__name__}; "
        "lf.parse and lf.read_logs make one"
    )


def text_source(messages: Any) -> Any:
    """Return what the core reads without a copy: a core batch, a list or an Arrow string stream."""
    core = getattr(messages, "_core", messages)
    if isinstance(core, _core.LogBatch | list | tuple):
        return core
    if isinstance(messages, str | bytes):
        raise TypeError("expected a sequence of messages, got one string: wrap it in a list")
    if hasattr(messages, "__arrow_c_stream__") or hasattr(messages, "__arrow_c_array__"):
        import pyarrow as pa

        column = pa.chunked_array(messages)
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            column = column.cast(pa.large_string())
        return column
    return list(messages)


def microseconds(timestamps: Any) -> npt.NDArray[np.int64]:
    """Times as int64 microseconds since 1970: of Arrow, datetime64 or integers."""
    import numpy as np

    if hasattr(timestamps, "cast"):  # Arrow: through the logical type to int64
        import pyarrow as pa

        if pa.types.is_timestamp(timestamps.type):
            timestamps = timestamps.cast(pa.timestamp("us", timestamps.type.tz))
        timestamps = timestamps.cast(pa.int64())
    values = np.asarray(timestamps)
    if values.dtype.kind == "M":
        values = values.astype("datetime64[us]")
    elif values.dtype.kind not in "iu":
        raise ConfigError("timestamps must be datetime64 or int64 microseconds")
    return np.ascontiguousarray(values.astype(np.int64))


class Capsule:
    """An Arrow stream capsule as an object with the protocol's method."""

    __slots__ = ("_capsule",)

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._capsule
