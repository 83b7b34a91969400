"""Every format of lines against damaged records: neighbours stay, accounts add up, no value that
other tools cannot hold, the same on any number of threads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import logforest as lf
from logforest import _core, formats

RECEIVED = 1_780_000_000
BY_HAND = {
    "json": '{"time":"2024-05-01T10:00:00Z","level":"warn","msg":"slow","status":503,"ms":12}',
    "logfmt": 'time=2024-05-01T10:00:00Z level=warn msg="slow query" status=503 duration=12ms',
    "rfc5424": '<165>1 2024-05-01T10:00:00.003Z h app 8710 ID47 [x@1 iut="3" e="a"] slow query',
    "rfc3164": "<34>May  1 10:00:00 host1 sshd[123]: Failed password for root",
    "klog": "E0501 10:00:00.123456    1234 main.go:12] slow query",
    "apache_common": '192.0.2.1 - bob [01/May/2024:10:00:00 +0200] "GET /a HTTP/1.1" 503 512',
    "apache_combined": (
        '192.0.2.1 - - [01/May/2024:10:00:00 +0200] "GET /a HTTP/1.1" 503 512 "-" "curl/8"'
    ),
    "apache_error": "[Wed May 01 10:00:00.123456 2024] [core:error] [pid 12:tid 3] boom",
    "nginx_error": "2024/05/01 10:00:00 [error] 12#3: *4 boom, client: 192.0.2.1, server: x",
    "labelled": "- 1117838570 2005.06.03 R02 2005-06-03-15.42.50.363779 R02 RAS KERNEL INFO boom",
    "applog": "2024-05-01 10:00:00,123 WARN [main] com.shop.Cart - slow query",
    "timestamped": "2024-05-01 10:00:00 slow query",
    "plain": "slow query",
}


def good_lines() -> dict[str, str]:
    lines = dict(BY_HAND)
    for file in sorted(Path(formats.__file__).parent.glob("*.yaml")):
        for spec in formats.read_specs(file):
            lines[spec.name] = spec.samples[0]["line"]
    return lines


def damaged(line: str) -> list[bytes]:
    out: list[bytes] = []
    step = max(1, len(line) // 12)
    for n in range(1, len(line), step):
        out.append(line[:n].encode())
        for mark in ("\0", "\r", "\x85", "\u2028", "\u202e", "\x1b[31m", "\x1b]0;x\x07", "\ufeff"):
            out.append((line[:n] + mark + line[n:]).encode())
        out.append(line[:n].encode() + b"\xff\xc3" + line[n:].encode())
        out.append((line[:n] + "x" * 5000 + line[n:]).encode())
    numbers = list(re.finditer(r"\d+", line))
    for match in numbers[:: max(1, len(numbers) // 8)]:
        for value in ("9223372036854775808", "-1", "0", "9" * 400, "0000", "9999", "60", "1e999"):
            out.append((line[: match.start()] + value + line[match.end() :]).encode())
    out += [
        line.encode("utf-16"),
        line.encode("utf-16-be"),
        line.upper().encode(),
        line[::-1].encode(),
    ]
    # A byte order mark or a line end inside would make lines of it.
    return [
        bad.replace(b"\n", b"?") for bad in out if not bad.startswith((b"\xff\xfe", b"\xef\xbb"))
    ]


def rows(logs: lf.LogBatch) -> list[dict[str, Any]]:
    out = logs.to_arrow().to_pylist()  # raises for times and texts that Python does not have
    for row in out:
        row["metadata"] = json.loads(row["metadata"] or "{}", parse_constant=pytest.fail)
    return out


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("format", sorted(good_lines()))
def test_a_damaged_record_costs_its_neighbours_nothing(format: str, by_name: bool) -> None:
    line = good_lines()[format]
    name = format if by_name else "auto"
    (good,) = rows(lf.parse(line, format=name, received=RECEIVED))
    bad = damaged(line)
    data = line.encode() + b"\n" + b"".join(b + b"\n" + line.encode() + b"\n" for b in bad)
    logs = lf.parse(data, format=name, received=RECEIVED, threads=1)
    counts = logs.counts
    assert counts["lines"] == 2 * len(bad) + 1
    assert counts["lines"] == sum(
        counts[key] for key in ("records", "rejected", "continuation", "blank")
    )
    found = rows(logs)
    # What goes on with a record is in its message; everything else of it stays.
    same = [r for r in found if r | {"message": good["message"]} == good]
    whole = [r for r in same if r["message"].startswith(good["message"])]
    assert len(whole) >= len(bad) + 1
    options = _core.ParseOptions()
    options.format, options.threads, options.chunk_bytes = name, 2, 64
    options.received_us = RECEIVED * 1_000_000
    reader = _core.Reader(options, _core.EnrichOptions())
    for at in range(0, len(data), 1000):
        reader.feed(data[at : at + 1000])
    cut = lf.LogBatch._from_core(reader.finish())
    assert rows(cut) == found
    assert cut.rejected.to_pylist() == logs.rejected.to_pylist()
    masked = lf.mask_pii(logs)
    assert masked.num_rows == logs.num_rows
