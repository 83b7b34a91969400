"""Real samples of other projects: go-syslog's vectors, fail2ban, crowdsec, lnav."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import zoneinfo
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tests.paths import SHARED

import logforest as lf

SAMPLES = SHARED / "data" / "parser_samples"
SYSLOG = SHARED / "data" / "syslog"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no shared data")

Row = dict[str, Any]


def record(line: str, received: float) -> Row:
    """The one record of a line; nothing may be rejected."""
    logs = lf.parse(line, received=received)
    assert logs.num_rows == 1, f"{logs.counts} of {line!r}"
    row: Row = logs.to_arrow().to_pylist()[0]
    row["metadata"] = json.loads(row["metadata"] or "{}")
    return row


def vectors() -> list[Any]:
    out = []
    for name in ("rfc3164", "rfc5424"):
        for line in (SYSLOG / f"go-syslog_{name}_vectors.ndjson").read_text().splitlines():
            entry = json.loads(line)
            out.append(pytest.param(entry, id=f"{name}-{entry['id']}"))
    return out


@pytest.mark.parametrize("vector", vectors())
def test_go_syslog_verdicts(vector: Row) -> None:
    raw = base64.b64decode(vector["input_b64"])
    # One message, line ends included, is one octet-counted frame.
    logs = lf.parse(b"%d %s" % (len(raw), raw), format=vector["format"])
    valid = (logs.counts["records"], logs.counts["rejected"]) == (1, 0)
    assert valid == vector["valid"], logs.rejected.to_pylist()
    if b"\n" not in raw:
        logs = lf.parse(raw, format=vector["format"])
        assert ((logs.num_rows, logs.counts["rejected"]) == (1, 0)) == vector["valid"]


# --- fail2ban: the time and the host of each line ------------------------------------------

ZURICH = zoneinfo.ZoneInfo("Europe/Zurich")  # the zone of fail2ban's own tests
FAIL2BAN_OUT_OF_SCOPE = {
    "assp.txt": "Apr-07-13: a date of that program alone",
    "domino-smtp.txt": "08-09-2014 without a setting is month first; fail2ban reads day first",
    "openhab.txt": "02/sept./2015: French month",
    "oracleims.txt": "XML attributes",
    "tine20.txt": "the stamp stands behind five words of session state",
}


def fail2ban_cases(path: Path) -> list[tuple[Row, str]]:
    cases = []
    expected: Row | None = None
    for raw in path.read_bytes().splitlines():
        line = raw.decode("utf-8", "replace")
        if match := re.match(r"^#+ ?failJSON:\s*(\{.*\})\s*$", line):
            expected = json.loads(match[1])
        elif line.strip() and not line.startswith("#"):
            if expected and expected.get("time"):
                cases.append((expected, line))
            expected = None
    return cases


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(SAMPLES.glob("fail2ban/*.txt")) if p.name != "LICENSE-source.txt"],
    ids=lambda p: p.stem,
)
def test_fail2ban_times_and_hosts(path: Path) -> None:
    wrong = []
    for expected, line in fail2ban_cases(path):
        if 'test="[brackets]"' in line:
            continue  # RFC 5424 wants "]" in a value escaped: damaged, hence text
        want = dt.datetime.strptime(expected["time"][:19].split(".")[0], "%Y-%m-%dT%H:%M:%S")
        row = record(line, want.replace(tzinfo=dt.UTC).timestamp() + 86_400)
        stamp = row["timestamp"]
        # With an offset in the line fail2ban tells the time of Zurich, else the line's own; it
        # takes TAI64N labels for UTC without the ten seconds.
        tolerance = 11 if line.startswith("@4") else 1.001
        shown = (stamp.replace(tzinfo=None), stamp.astimezone(ZURICH).replace(tzinfo=None))
        if all(abs((s - want).total_seconds()) > tolerance for s in shown):
            wrong.append((line, expected["time"], str(stamp)))
        host = expected.get("host")
        if host and host in line and host not in json.dumps(row, default=str):
            wrong.append((line, host, "host lost"))
    if path.name in FAIL2BAN_OUT_OF_SCOPE:
        assert wrong, f"{path.name} is read now: take it off the list"
    else:
        assert wrong == []


# --- crowdsec: syslog headers, HTTP fields and times ---------------------------------------

CROWDSEC_OUT_OF_SCOPE = {
    "aws-cloudfront-logs": "W3C table: its columns are named in a header",
    "iis-xml-logs": "Windows events as XML",
    "traefik_json": "the last of several client addresses",
}
_ASSERTION = re.compile(
    r'^results\["([^"]+)"\]\["([^"]+)"\]\[(\d+)\]'
    r'\.(Success|Evt\.(Parsed|Meta|Enriched)\["([^"]+)"\]) == (.*)$'
)


def crowdsec_events(path: Path) -> dict[tuple[str, str, int], Row]:
    events: dict[tuple[str, str, int], Row] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines():
        if not (match := _ASSERTION.match(line.strip())):
            continue
        stage, parser, index, what, kind, key, value = match.groups()
        try:
            events[stage, parser, int(index)][f"{kind}.{key}" if kind else what] = json.loads(value)
        except json.JSONDecodeError:
            continue  # a raw string with Go's escapes
    return events


def crowdsec_cases(folder: Path) -> list[tuple[str, str, Row]]:
    """(kind, line, expectations) of each successful event whose line is known."""
    (log,) = folder.glob("*.log")
    lines = log.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    events = crowdsec_events(folder / "parser.assert")
    parsed = [key[2] for key in events if key[:2] == ("s00-raw", "crowdsecurity/syslog-logs")]
    aligned = parsed and max(parsed) + 1 == len(lines)
    cases = []
    for (stage, parser, index), event in sorted(events.items()):
        if not event.get("Success"):
            continue
        if (stage, parser) == ("s00-raw", "crowdsecurity/syslog-logs") and aligned:
            cases.append(("syslog", lines[index], event))
        elif (stage, parser) == ("s02-enrich", "crowdsecurity/dateparse-enrich"):
            same = [
                key[2]
                for key, other in events.items()
                if key[0] == "s00-raw"
                and other.get("Success")
                and other.get("Parsed.message") == event.get("Parsed.message")
            ]
            if same and same[0] < len(lines):
                cases.append(("fields", lines[same[0]], event))
    return cases


def crowdsec_wrong(kind: str, line: str, event: Row) -> list[tuple[Any, ...]]:
    row = record(line, dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp())
    meta = row["metadata"]
    if kind == "syslog":
        pairs = {
            "Parsed.program": row["service"],
            "Parsed.pid": str(meta.get("pid", meta.get("procid", ""))),
            "Parsed.message": row["message"],
        }
        return [
            (line, key, got, want)
            for key, got in pairs.items()
            if (want := event.get(key)) and (got or "").strip() != want.strip()
        ]
    wrong: list[tuple[Any, ...]] = []
    text = json.dumps(row, default=str, ensure_ascii=False)
    pairs = {
        "Meta.http_status": row["status_code"],
        "Meta.http_path": row["endpoint"],
        "Meta.http_verb": row["method"],
        "Meta.source_ip": row["ip_address"],
        "Meta.http_user_agent": meta.get("user_agent"),
    }
    for key, got in pairs.items():
        want = event.get(key)
        if not want or str(got) == str(want):
            continue
        # What no column holds must still be in the message or the metadata.
        if got is None and json.dumps(str(want), ensure_ascii=False)[1:-1] in text:
            continue
        wrong.append((line, key, got, want))
    if when := event.get("Enriched.MarshaledTime"):
        want_time = dt.datetime.fromisoformat(when)
        # crowdsec drops fractions of some formats and the offset of others.
        naive = abs((want_time - row["timestamp"]).total_seconds())
        same_day = when[5:19] == row["timestamp"].isoformat()[5:19]  # the year is not in the line
        shown_line = line.replace(" time=", "T").replace(" ", "T")
        if naive >= 1 and not same_day and when[:19] not in shown_line:
            wrong.append((line, "time", str(row["timestamp"]), when))
    return wrong


@pytest.mark.parametrize(
    "folder",
    sorted(
        p.parent
        for p in SAMPLES.glob("crowdsec/*/parser.assert")
        if len(list(p.parent.glob("*.log"))) == 1
    ),
    ids=lambda p: p.name,
)
def test_crowdsec_fields(folder: Path) -> None:
    wrong = [w for case in crowdsec_cases(folder) for w in crowdsec_wrong(*case)]
    if folder.name in CROWDSEC_OUT_OF_SCOPE:
        assert wrong, f"{folder.name} is read now: take it off the list"
    else:
        assert wrong == []


# --- lnav: the format of each file, and a time in each of its records ------------------------

LNAV_WITHOUT_TIME = {
    "logfile_docker_compose.0": "no time in it", "logfile_plain.0": "no time in it",
    "logfile_with_a_really_long_name_to_test_a_bug_with_long_names.0": "no time in it",
    "logfile_strace_log.1": "a process id in front of an epoch",
    "logfile_strace_log.2": "a process id in front of a time of day",
    "logfile_tcf.0": "minutes and seconds without an hour",
    "logfile_invalid_utf8.0": "XML between the records",
    "logfile_xml_msg.0": "XML between the records",
    "logfile_syslog_fr.0": "French month", "logfile_yday.0": "day of the year",
}  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(SAMPLES.glob("lnav/*")) if p.name != "LICENSE-source.txt"],
    ids=lambda p: p.name,
)
def test_lnav_files_have_times(path: Path) -> None:
    received = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    logs = lf.read_logs(path, received=received.timestamp())
    stamps = logs["timestamp"].to_pylist()
    counts = logs.counts
    assert counts["lines"] == sum(
        counts[key] for key in ("records", "rejected", "continuation", "blank")
    )
    untimed = sum(stamp == received for stamp in stamps)
    if path.name in LNAV_WITHOUT_TIME:
        assert untimed > len(stamps) / 20
    else:
        # Headers and free text between the records have none.
        assert untimed <= max(2, len(stamps) // 2), counts
        assert untimed < len(stamps)
