"""Log text on its way to people: control characters out, so that no log can steer a terminal."""

from __future__ import annotations

import html

_MOST = 400


def visible(text: object, most: int = _MOST) -> str:
    r"""One line of harmless text: C0, C1 and other unprintable characters become escapes.

    >>> visible("red \x1b[31mtext\x07")
    'red \\x1b[31mtext\\x07'
    """
    raw = str(text)
    cut = raw[:most]
    clean = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return clean + ("…" if len(raw) > most else "")


def escaped(text: object, most: int = _MOST) -> str:
    """The same for HTML.

    >>> escaped('<script>"x"</script>')
    '&lt;script&gt;&quot;x&quot;&lt;/script&gt;'
    """
    return html.escape(visible(text, most), quote=True)
