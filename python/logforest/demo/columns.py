"""The columns of one block of demo records, each made once, for all records, when asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logforest.demo.services import REGIONS, SERVICES, USER_AGENTS

_USERS = 20_000
_REPLICAS = 3
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOSTS = [f"{s.name}-{k}" for s in SERVICES for k in range(_REPLICAS)]


def _fixed_width(digits: np.ndarray) -> pa.Array:
    """uint8 [rows, width] of characters as a string array that shares the memory."""
    rows, width = digits.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(digits))
    )


def digits(values: np.ndarray, width: int) -> pa.Array:
    """Zero-padded decimal numbers.

    >>> digits(np.array([7, 42]), 3).to_pylist()
    ['007', '042']
    """
    out = np.empty((len(values), width), np.uint8)
    rest = np.asarray(values, np.int64)
    for position in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, position] = digit + ord("0")
    return _fixed_width(out)


def hex_ids(rng: np.random.Generator, rows: int, width: int) -> pa.Array:
    """Random lower-case hexadecimal text of ``width`` characters."""
    text = rng.bytes(rows * width // 2).hex().encode()
    return _fixed_width(np.frombuffer(text, np.uint8).reshape(rows, width))


def _joined(*parts: pa.Array | str) -> pa.Array:
    inputs = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*inputs, pa.scalar(""))


@lru_cache(maxsize=4096)
def _minute_text(minute: int, style: str) -> str:
    when = datetime.fromtimestamp(minute * 60, UTC)
    month = _MONTHS[when.month - 1]  # strftime would follow the locale
    match style:
        case "iso":
            return f"{when:%Y-%m-%dT%H:%M:}"
        case "space":
            return f"{when:%Y-%m-%d %H:%M:}"
        case "clf":
            return f"{when.day:02d}/{month}/{when.year}:{when:%H:%M:}"
        case _:
            return f"{month} {when.day:2d} {when:%H:%M:}"


class Block:
    """``micros``: microseconds after ``start``, ascending; ``service``: number of the service."""

    def __init__(
        self,
        *,
        rng: np.random.Generator,
        start: datetime,
        micros: np.ndarray,
        service: np.ndarray,
        versions: pa.DictionaryArray,
    ) -> None:
        self.micros = micros + int(start.timestamp()) * 1_000_000
        self.service = service
        self._rng = rng
        self._minute = micros // 60_000_000
        self._versions = versions
        self._columns: dict[str, pa.Array] = {}
        rows = len(micros)
        # Every draw is made here, in one order: what a format asks for changes nothing.
        self._ids = rng.integers(1, 900_000, rows)
        self._small = rng.integers(1, 120, rows)
        self._bytes = np.exp(rng.normal(7.3, 0.9, rows)).astype(np.int64) + 120
        self._user = (rng.random(rows) ** 2 * _USERS).astype(np.int64)
        self._address = 0x64400000 + (self._user * 2654435761 % (1 << 22))  # 100.64.0.0/10
        self._replica = rng.integers(0, _REPLICAS, rows)
        self._agent = self._user % len(USER_AGENTS)
        self._normal = rng.standard_normal(rows)
        self._ms = np.ones(rows)
        self._trace = hex_ids(rng, rows, 32)
        self._span = hex_ids(rng, rows, 16)

    def user_pool(self, stream: np.ndarray, attackers: dict[int, np.ndarray | None]) -> None:
        """Gives records of attacks an address out of few and a user out of many."""
        for number, pool in attackers.items():
            mask = stream == number if pool is not None else None
            if pool is None or mask is None or not mask.any():
                continue
            picks = self._rng.integers(0, len(pool), int(mask.sum()))
            self._address[mask] = 0xC6336400 + pool[picks]  # 198.51.100.0/24
            self._user[mask] = self._rng.integers(0, _USERS * 10, int(mask.sum()))

    def latencies(self, median_sigma: np.ndarray, factor: np.ndarray) -> None:
        """Log-normal response times in ms."""
        median, sigma = median_sigma.T
        self._ms = median * np.exp(sigma * self._normal) * factor

    def column(self, name: str) -> pa.Array:
        """The values of one placeholder as a string array."""
        if name not in self._columns:
            self._columns[name] = getattr(self, f"_make_{name}")()
        return self._columns[name]

    def _minutes(self, style: str) -> pa.Array:
        minutes, position = np.unique(self.micros // 60_000_000, return_inverse=True)
        texts = pa.array([_minute_text(int(minute), style) for minute in minutes], pa.string())
        return texts.take(pa.array(position))

    def _seconds(self, fraction: int) -> pa.Array:
        rest = self.micros % 60_000_000
        whole = digits(rest // 1_000_000, 2)
        if fraction == 0:
            return whole
        part = digits(rest % 1_000_000 // 10 ** (6 - fraction), fraction)
        return _joined(whole, ".", part)

    def _make_iso(self) -> pa.Array:
        return _joined(self._minutes("iso"), self._seconds(6), "Z")

    def _make_space(self) -> pa.Array:
        return _joined(self._minutes("space"), self._seconds(3))

    def _make_clf(self) -> pa.Array:
        return _joined(self._minutes("clf"), self._seconds(0), " +0000")

    def _make_bsd(self) -> pa.Array:
        return _joined(self._minutes("bsd"), self._seconds(0))

    def _make_ms(self) -> pa.Array:
        hundredths = np.maximum(np.rint(self._ms * 100), 1).astype(np.int64)
        return _joined(
            pa.array(hundredths // 100).cast(pa.string()), ".", digits(hundredths % 100, 2)
        )

    def _make_id(self) -> pa.Array:
        return pa.array(self._ids).cast(pa.string())

    def _make_n(self) -> pa.Array:
        return pa.array(self._small).cast(pa.string())

    def _make_bytes(self) -> pa.Array:
        return pa.array(self._bytes).cast(pa.string())

    def _make_user(self) -> pa.Array:
        return _joined("u", digits(self._user, 6))

    def _make_ip(self) -> pa.Array:
        octets = [pa.array((self._address >> s) & 255).cast(pa.string()) for s in (24, 16, 8, 0)]
        return pc.binary_join_element_wise(*octets, pa.scalar("."))

    def _make_host(self) -> pa.Array:
        return pa.array(_HOSTS).take(pa.array(self.service * _REPLICAS + self._replica))

    def _make_version(self) -> pa.Array:
        rows = self._minute * len(SERVICES) + self.service
        return self._versions.dictionary.take(self._versions.indices.take(pa.array(rows)))

    def _make_region(self) -> pa.Array:
        return pa.array(REGIONS).take(pa.array(self._user % len(REGIONS)))

    def _make_agent(self) -> pa.Array:
        return pa.array(USER_AGENTS).take(pa.array(self._agent))

    def _make_trace(self) -> pa.Array:
        return self._trace

    def _make_span(self) -> pa.Array:
        return self._span
