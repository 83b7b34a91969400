"""The report as one HTML page that needs nothing from anywhere: styles inside, no script."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from logforest.analysis.text import escaped

if TYPE_CHECKING:
    from logforest.analysis.run import Analysis

_MOST_ROWS = 300
_MOST_BARS = 240
_STYLE = """
:root{color-scheme:light dark;--ink:#1b2733;--soft:#5b6b7b;--line:#d5dde5;--paper:#fff;
--bar:#6b93c4;--bad:#c9433a}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa7b4;--line:#30363d;
--paper:#0f1419;--bar:#4f7cb5;--bad:#e5675e}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;
padding:.3rem .6rem;border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}
td.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85em;
overflow-wrap:anywhere}p.soft{color:var(--soft)}
.critical,.high{color:var(--bad);font-weight:600}svg{width:100%;height:9rem}
.bar{fill:var(--bar)}.bad{fill:var(--bad)}
"""


def render_html(analysis: Analysis) -> str:
    """A complete document; every piece of log text in it is escaped."""
    data = analysis.to_dict()
    span = data["time_range"]
    title = ", ".join(data["files"])
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>logforest: {escaped(title, 120)}</title><style>{_STYLE}</style>",
        f"<h1>{escaped(title)}</h1>",
        f"<p>{data['records']:,} records, {data['rejected']:,} rejected lines, format "
        f"{escaped(data['format'])}, from {escaped(span['start'])} to {escaped(span['end'])}.</p>",
        *(f"<p class=soft>{escaped(note)}</p>" for note in data["notes"]),
        _timeline(data["windows"], data["every"]),
        _anomalies(data["anomalies"]),
        "<h2>Services</h2>",
        _table(("service", "records"), data["by_service"].items()),
        "<h2>Levels</h2>",
        _table(("level", "records"), data["by_level"].items()),
    ]
    if data["by_status"]:
        parts += ["<h2>Status</h2>", _table(("status", "records"), data["by_status"].items())]
    parts += [
        f"<h2>Templates ({len(data['templates'])})</h2>",
        _table(
            ("template", "records"),
            ((_Code(row["template"]), row["count"]) for row in data["templates"][:_MOST_ROWS]),
        ),
    ]
    if data["rejects"]:
        parts += [
            "<h2>Rejected lines (the first)</h2>",
            _table(
                ("file", "line", "reason", "text"),
                (
                    (row["file"] or "", row["line"], row["reason"], _Code(row["text"]))
                    for row in data["rejects"]
                ),
            ),
        ]
    return "\n".join([*parts, "</html>\n"])


class _Code(str):
    """Text to be shown as code."""

    __slots__ = ()


def _table(names: tuple[str, ...], rows: Any) -> str:
    head = "".join(f"<th>{escaped(name)}" for name in names)
    return f"<table><tr>{head}{''.join('<tr>' + ''.join(map(_cell, row)) for row in rows)}</table>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"<td class=n>{value:,}"
    if isinstance(value, _Code):
        return f"<td><code>{escaped(value)}</code>"
    return f"<td>{escaped(value)}"


def _anomalies(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "<h2>Anomalies</h2><p>None found.</p>"
    shown = sorted(rows, key=lambda row: -row["anomaly_score"])[:_MOST_ROWS]
    shown.sort(key=lambda row: row["timestamp"])
    body = "".join(
        f"<tr><td>{escaped(row['timestamp'][:19])}<td>{escaped(row['service'])}"
        f"<td class={escaped(row['severity'])}>{escaped(row['severity'])}"
        f"<td>{escaped(row['kind'].replace('_', ' '))}<td>{escaped(row['reason'])}"
        for row in shown
    )
    more = f"<p class=soft>The strongest {len(shown)} of {len(rows):,}.</p>"
    return (
        f"<h2>Anomalies ({len(rows):,})</h2>{more if len(rows) > len(shown) else ''}"
        "<table><tr><th>time (UTC)<th>service<th>severity<th>kind<th>reason"
        f"{body}</table>"
    )


def _timeline(windows: list[dict[str, Any]], every: str) -> str:
    """Records over time as bars, errors in them in another colour."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in windows:
        total = totals[row["window_start"]]
        total[0] += row["count"]
        total[1] += row["error_count"]
    bars = [totals[start] for start in sorted(totals)]
    step = -(-len(bars) // _MOST_BARS)
    if step > 1:
        groups = [bars[at : at + step] for at in range(0, len(bars), step)]
        bars = [[sum(b[0] for b in g), sum(b[1] for b in g)] for g in groups]
    if not bars:
        return ""
    top = max(count for count, _ in bars)
    width = 1000 / len(bars)
    shapes = []
    for at, (count, errors) in enumerate(bars):
        for kind, value in (("bar", count), ("bad", errors)):
            height = 140 * value / top
            if value:
                shapes.append(
                    f'<rect class={kind} x="{at * width:.2f}" y="{140 - height:.2f}" '
                    f'width="{max(0.5, width * 0.9):.2f}" height="{height:.2f}"/>'
                )
    label = f"{step} x {every}" if step > 1 else every
    return (
        f"<h2>Records and errors per {escaped(label)}</h2>"
        f'<svg viewBox="0 0 1000 140" preserveAspectRatio=none role=img '
        f'aria-label="records over time, at most {top:,}">{"".join(shapes)}</svg>'
        f"<p class=soft>At most {top:,} records in a bar.</p>"
    )
