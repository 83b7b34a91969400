"""The fingerprint of a message, by its definition (docs of `normalize/fingerprint.hpp`).

A message is given as parts: constant text, and variable text wrapped in `Variable`. The template
follows from them alone, so the scanner must find the same parts in the joined text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MASK = (1 << 64) - 1
#: Between two wildcards these make one of them.
GLUE = ("", " ", ":", ",", "-", ".", ", ")


@dataclass(frozen=True)
class Variable:
    """A number, an address, a path, a quoted value, a secret, a mask."""

    text: str


Parts = Sequence[str | Variable]


def message(parts: Parts) -> str:
    """The text of a message."""
    return "".join(part.text if isinstance(part, Variable) else part for part in parts)


def template(parts: Parts) -> str:
    """The message with its variable parts replaced, neighbours joined."""
    out = ""
    constant: str | None = None  # what came behind the last wildcard
    for part in parts:
        if isinstance(part, str):
            constant = part if constant is None and not out else (constant or "") + part
            continue
        if out.endswith("<*>") and (constant or "") in GLUE:
            constant = None
            continue
        out += (constant or "") + "<*>"
        constant = None
    return out + (constant or "")


def _mix(x: int) -> int:  # splitmix64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & _MASK
    return x ^ x >> 31


def _fold(a: int, b: int) -> int:
    product = a * b
    return product & _MASK ^ product >> 64


def fingerprint(template_text: str) -> int:
    """53 bits of a hash that multiplies and folds 16 bytes a step."""
    data = template_text.encode()
    k0, k1 = 0x9E3779B97F4A7C15, 0xE7037ED1A0B428DB
    state = k0
    for at in range(0, len(data) - 15, 16):
        low, high = (int.from_bytes(data[i : i + 8], "little") for i in (at, at + 8))
        state = _fold(low ^ k0 ^ state, high ^ k1)
    tail = data[len(data) // 16 * 16 :].ljust(16, b"\0")
    low, high = (int.from_bytes(tail[i : i + 8], "little") for i in (0, 8))
    return _mix(_fold(low ^ k1 ^ state, high ^ k0) ^ len(data)) >> 11
