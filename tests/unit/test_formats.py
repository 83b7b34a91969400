"""YAML formats, own patterns, parsers written in Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import logforest as lf
from logforest import formats

BUILTIN = [
    spec
    for file in sorted(Path(formats.__file__).parent.glob("*.yaml"))
    for spec in formats.read_specs(file)
]


@pytest.mark.parametrize("spec", BUILTIN, ids=lambda spec: spec.name)
def test_built_in_formats_match_their_samples_both_ways(spec: formats.FormatSpec) -> None:
    lf.list_formats()
    report = formats.check_samples(spec)
    assert report.errors == []
    assert report.unmatched_patterns == []


@pytest.mark.parametrize("spec", BUILTIN, ids=lambda spec: spec.name)
def test_auto_finds_the_built_in_formats_by_their_samples(spec: formats.FormatSpec) -> None:
    for sample in spec.samples:
        assert lf.detect_format(sample["line"]) == spec.name


def test_own_pattern_fields_types_and_rejects() -> None:
    logs = lf.parse(
        "2024-05-01T10:00:00Z|WARN|door|12|left open\nnonsense",
        pattern=r"(?P<timestamp>[^|]+)\|(?P<level>\w+)\|(?P<service>\w+)\|(?<count>\d+)\|(?P<message>.*)",
    )
    row = logs.to_arrow().to_pylist()[0]
    assert (row["level"], row["service"], row["message"]) == ("WARN", "door", "left open")
    assert json.loads(row["metadata"]) == {"count": "12"}
    assert row["timestamp"].isoformat() == "2024-05-01T10:00:00+00:00"
    rejected = logs.rejected.to_pylist()
    assert [(r["line"], r["offset"], r["reason"], r["text"]) for r in rejected] == [
        (2, 44, "no_match", "nonsense")
    ]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"(?P<a>\d+", ["missing"]),
        (r"abc(?=d)(?P<a>x)", ["(?=", "column 4", "look-around"]),
        (r"no groups", ["no named group"]),
        (r"(?P<a>x)(?P<a>y)", ["group 'a'", "twice"]),
        (r"(?P<a>((x{600}){2}))", ["repetition"]),
        (r"(?P<a>\pL{1000}\pL{1000})", ["too large"]),
    ],
)
def test_bad_patterns_say_what_and_where(pattern: str, words: list[str]) -> None:
    with pytest.raises(lf.ConfigError) as caught:
        lf.parse("x", pattern=pattern)
    for word in words:
        assert word in str(caught.value)


def test_unknown_time_directive_and_level_are_config_errors() -> None:
    with pytest.raises(lf.ConfigError, match="column 4"):
        lf.register_parser("t1", lf.RegexParser(r"(?P<timestamp>.*)", time="%Y %Q"))
    with pytest.raises(lf.ConfigError, match="no level"):
        lf.register_parser("t2", lf.RegexParser(r"(?P<level>.*)", levels={"x": "loud"}))


class Shout(lf.LogParser):
    """Lines that end with '!'."""

    def parse(self, raw: str) -> dict[str, Any] | None:
        if "boom" in raw:
            raise RuntimeError(raw)
        if "list" in raw:
            return ["no", "dict"]  # type: ignore[return-value]
        if not raw.endswith("!"):
            return None
        return {"message": raw.upper(), "level": "error", "depth": 3, "tags": ["a"], "none": None}


@pytest.mark.parametrize("threads", [1, 2])
def test_parsers_written_in_python(threads: int) -> None:
    lf.register_parser("shout", Shout())
    text = "hey!\nboom!\nquiet\nlist!\n" * 2000
    logs = lf.parse(text, format="shout", threads=threads, chunk_bytes=4096)
    assert logs.counts["records"] == 2000
    row = logs.head(1).to_arrow().to_pylist()[0]
    assert (row["message"], row["level"]) == ("HEY!", "ERROR")
    assert json.loads(row["metadata"]) == {"depth": 3, "tags": ["a"]}
    reasons = logs.rejected["reason"].to_pylist()
    assert reasons[:3] == ["parser_error", "no_match", "parser_error"]
    assert len(reasons) == 6000


def test_what_is_no_parser_or_takes_a_built_in_name_is_refused() -> None:
    with pytest.raises(lf.ConfigError, match="instance"):
        lf.register_parser("bad", dict)  # type: ignore[arg-type]
    with pytest.raises(lf.ConfigError, match="built-in"):
        lf.register_parser("json", Shout())


def test_format_files(tmp_path: Path) -> None:
    file = tmp_path / "kiosk.yaml"
    file.write_text(
        "name: kiosk\n"
        "patterns: ['^(?P<timestamp>[\\d.]+ [\\d:]+) (?P<level>\\w+) (?P<message>.*)$']\n"
        "time: '%d.%m.%Y %H:%M:%S'\n"
        "samples:\n"
        "  - line: '03.04.2025 10:00:00 WARN paper is low'\n"
        "    fields: {timestamp: '2025-04-03T10:00:00Z', level: WARN, message: paper is low}\n"
    )
    assert [spec.name for spec in lf.load_formats(tmp_path)] == ["kiosk"]
    assert lf.parse("04.05.2025 1:02:03 INFO x", format="kiosk").num_rows == 1
    file.write_text(file.read_text().replace("paper is low}", "other}"))
    with pytest.raises(lf.ConfigError, match="expected 'other'"):
        lf.load_formats(file)
    file.write_text("name: kiosk\npaterns: [x]\n")
    with pytest.raises(lf.ConfigError, match="paterns"):
        lf.load_formats(file)
