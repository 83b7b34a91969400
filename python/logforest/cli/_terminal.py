"""Text of logs on a terminal: hostile until shown otherwise."""

from __future__ import annotations

import unicodedata

__all__ = ["safe"]


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe(text: str) -> str:
    """``text`` on one line, with control and bidirectional characters shown as escapes.

    Example:
        >>> safe("red \\x1b[31malert\\nnext")
        'red \\\\x1b[31malert\\\\x0anext'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if c == "\t" else c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else _escape(c)
        for c in text
    )  # fmt: skip
