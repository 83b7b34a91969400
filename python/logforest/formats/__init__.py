"""Formats of logs: the built-in ones, YAML files, own patterns and own parser classes.

A format file is YAML (one mapping, or a list of them)::

    name: kiosk
    description: the kiosk's log
    patterns:                     # RE2, tried in order; named groups are fields
      - '^(?P<timestamp>[\\d.]+ [\\d:]+) (?P<level>\\w+) (?P<message>.*)$'
    time: '%d.%m.%Y %H:%M:%S'     # only for stamps that are not read by themselves
    samples:
      - line: '03.04.2025 10:00:00 WARN paper is low'
        fields: {level: WARN, message: paper is low}

Samples are checked both ways: a sample that no pattern matches (or whose fields differ) is an
error, a pattern that no sample matches is reported.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from logforest import _core
from logforest.errors import ConfigError

__all__ = [
    "FormatSpec",
    "LogParser",
    "RegexParser",
    "check_samples",
    "list_formats",
    "load_formats",
    "register_parser",
]

_KEYS = {
    "name", "description", "pattern", "patterns", "time", "levels", "constants", "integers",
    "multiline", "detect", "rank", "samples",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """A regex format as it stands in a YAML file."""

    name: str
    patterns: tuple[str, ...]
    description: str = ""
    time: tuple[str, ...] = ()
    levels: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    integers: tuple[str, ...] = ()
    multiline: bool = False
    detect: bool = True
    rank: int = 60
    samples: tuple[Mapping[str, Any], ...] = ()

    def register(self) -> None:
        """Make the format known under its name; ConfigError when a pattern is bad."""
        _core.register_regex(
            self.name,
            self.description,
            list(self.patterns),
            list(self.time),
            list(self.levels.items()),
            list(self.constants.items()),
            list(self.integers),
            self.multiline,
            self.detect,
            self.rank,
        )


@runtime_checkable
class LogParser(Protocol):
    """A parser written in Python: subclass it and give an instance to :func:`register_parser`.

    ``parse`` gets one line and returns its fields (names as in any JSON log: ``timestamp``,
    ``level``, ``service``, ``message``, ...; others become metadata), or None when the line is
    not its own (reject ``no_match``). An exception makes the line a reject ``parser_error``.

    Example:
        >>> import logforest as lf
        >>> class Pipes(lf.LogParser):
        ...     def parse(self, raw: str) -> dict | None:
        ...         level, bar, message = raw.partition("|")
        ...         return {"level": level, "message": message} if bar else None
        >>> lf.register_parser("pipes", Pipes())
        >>> lf.parse("WARN|hot", format="pipes")["level"].to_pylist()
        ['WARN']
    """

    def parse(self, raw: str) -> dict[str, Any] | None:
        """Fields of one line, or None."""
        ...


class RegexParser:
    """An RE2 pattern whose named groups are fields, for :func:`register_parser`.

    Args:
        pattern: one pattern or several (tried in order), matched from the start of the line.
        time: strptime-like patterns of the time stamp, where it is not read by itself
            (%Y %m %d %H %M %S %f %b %z %s ...; see the documentation of formats).
        levels: spellings of the level group -> usual level names.
        integers: groups that are numbers.
        multiline: join stack traces and indented lines to their record.
        detect: let ``auto`` use it.
        description: for ``logforest formats list``.

    Example:
        >>> import logforest as lf
        >>> lf.register_parser("door", lf.RegexParser(r"(?P<level>\\w+)! (?P<message>.*)"))
        >>> lf.parse("WARN! left open", format="door")["message"].to_pylist()
        ['left open']
    """

    def __init__(
        self,
        pattern: str | Iterable[str],
        *,
        time: str | Iterable[str] = (),
        levels: Mapping[str, str] | None = None,
        integers: Iterable[str] = (),
        multiline: bool = False,
        detect: bool = True,
        description: str = "",
    ) -> None:
        self.patterns = (pattern,) if isinstance(pattern, str) else tuple(pattern)
        self.time = (time,) if isinstance(time, str) else tuple(time)
        self.levels = dict(levels or {})
        self.integers = tuple(integers)
        self.multiline = multiline
        self.detect = detect
        self.description = description

    def _spec(self, name: str) -> FormatSpec:
        return FormatSpec(
            name=name,
            patterns=self.patterns,
            description=self.description,
            time=self.time,
            levels=self.levels,
            integers=self.integers,
            multiline=self.multiline,
            detect=self.detect,
            rank=70,
        )


def register_parser(name: str, parser: RegexParser | LogParser | type[LogParser]) -> None:
    """Make a format of your own known; it may be asked for by name from then on.

    Regex parsers take part in ``auto`` too; parsers written in Python do not (they hold the
    interpreter for every line).

    Args:
        name: any name that no built-in format has; an own one is replaced.
        parser: a :class:`RegexParser`, or an object with ``parse(raw) -> dict | None``; a
            :class:`LogParser` that needs no arguments may be given as a class.

    Raises:
        ConfigError: the name is taken, the pattern is bad (it says where), or it is no parser.

    Example:
        >>> import logforest as lf
        >>> class Shout(lf.LogParser):
        ...     def parse(self, raw: str) -> dict | None:
        ...         return {"message": raw.upper()} if raw.endswith("!") else None
        >>> lf.register_parser("shout", Shout())
        >>> logs = lf.parse("hey!\\nwell", format="shout")
        >>> logs["message"].to_pylist(), logs.rejected["reason"].to_pylist()
        (['HEY!'], ['no_match'])
    """
    load_builtin()
    if not isinstance(name, str):
        raise ConfigError(f"the name of a format is text, not {name!r}")
    if isinstance(parser, type) and issubclass(parser, LogParser):
        parser = parser()
    if isinstance(parser, RegexParser):
        parser._spec(name).register()
        return
    if isinstance(parser, type) or not callable(getattr(parser, "parse", None)):
        raise ConfigError(
            f"parser {name!r}: give a RegexParser or an instance with parse(raw) -> dict | None, "
            f"not {parser!r}"
        )
    doc = (type(parser).__doc__ or "").strip()
    summary = doc.splitlines()[0] if doc and type(parser).__doc__ != LogParser.__doc__ else ""
    _core.register_python(name, parser, summary or f"{type(parser).__name__} (Python)")


def list_formats() -> list[dict[str, Any]]:
    """All formats that are known: name, description, detected, multiline, rank.

    Example:
        >>> import logforest as lf
        >>> "rfc5424" in [f["name"] for f in lf.list_formats()]
        True
    """
    load_builtin()
    return _core.format_list()


def load_formats(path: str | os.PathLike[str]) -> list[FormatSpec]:
    """Read a format file, or all ``*.yaml`` of a directory, check the samples, register.

    Raises:
        ConfigError: unreadable, unknown keys, bad patterns, samples that do not match.
        OSError: the path cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> import logforest as lf
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "kiosk.yaml"
        >>> _ = file.write_text("name: kiosk\\npattern: '^(?P<level>\\\\w+) (?P<message>.*)'\\n")
        >>> [spec.name for spec in lf.load_formats(file)]
        ['kiosk']
        >>> lf.parse("WARN paper is low", format="kiosk")["message"].to_pylist()
        ['paper is low']
    """
    load_builtin()
    place = Path(path)
    files = sorted(place.glob("*.y*ml")) if place.is_dir() else [place]
    specs = [spec for file in files for spec in read_specs(file)]
    for spec in specs:
        spec.register()
        problems = check_samples(spec).errors
        if problems:
            raise ConfigError(f"format {spec.name!r}: {problems[0]}")
    return specs


def read_specs(path: Path) -> list[FormatSpec]:
    """The formats of one YAML file, keys and types checked."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    entries = content if isinstance(content, list) else [content]
    return [_spec(entry, path) for entry in entries]


def _spec(entry: Any, path: Path) -> FormatSpec:
    def fail(what: str) -> ConfigError:
        return ConfigError(f"{path}: {what}")

    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise fail("a format is a mapping with a name and patterns")
    name = entry["name"]
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        known = ", ".join(sorted(_KEYS))
        raise fail(f"format {name!r}: unknown key {unknown[0]!r}; known are {known}")

    def texts(key: str) -> tuple[str, ...]:
        value = entry.get(key, ())
        value = (value,) if isinstance(value, str) else value
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise fail(f"format {name!r}: {key} must be text or a list of texts")
        return tuple(value)

    def mapping(key: str) -> dict[str, str]:
        value = entry.get(key) or {}
        if not isinstance(value, dict):
            raise fail(f"format {name!r}: {key} must be a mapping")
        return {str(k): str(v) for k, v in value.items()}

    patterns = texts("patterns") + texts("pattern")
    if not patterns:
        raise fail(f"format {name!r}: no pattern")
    samples = entry.get("samples") or []
    for sample in samples:
        if not isinstance(sample, dict) or not isinstance(sample.get("line"), str):
            raise fail(f"format {name!r}: a sample is a mapping with line and fields")
    return FormatSpec(
        name=name,
        patterns=patterns,
        description=str(entry.get("description", "")),
        time=texts("time"),
        levels=mapping("levels"),
        constants=mapping("constants"),
        integers=texts("integers"),
        multiline=bool(entry.get("multiline", False)),
        detect=bool(entry.get("detect", True)),
        rank=int(entry.get("rank", 60)),
        samples=tuple(samples),
    )


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What :func:`check_samples` found."""

    errors: list[str]
    unmatched_patterns: list[str]


def check_samples(spec: FormatSpec) -> SampleReport:
    """Check a registered format against its samples, both ways.

    Returns:
        errors: samples that no pattern matches, or whose fields differ;
        unmatched_patterns: patterns that no sample matches.
    """
    import json

    from logforest.parsing import parse

    errors: list[str] = []
    unmatched = list(spec.patterns)
    for sample in spec.samples:
        line = sample["line"]
        logs = parse(line, format=spec.name, received=sample.get("received"))
        if logs.num_rows != 1:
            errors.append(f"no pattern matches the sample {line!r}")
            continue
        row = logs.to_arrow().to_pylist()[0]
        metadata = json.loads(row["metadata"] or "{}")
        for key, expected in (sample.get("fields") or {}).items():
            value = row[key] if key in row else metadata.get(key)
            if key == "timestamp":
                value = value.isoformat().replace("+00:00", "Z")
            if value != expected:
                errors.append(f"sample {line!r}: {key} is {value!r}, expected {expected!r}")
        for pattern in list(unmatched):
            if parse(line, pattern=pattern).num_rows == 1:
                unmatched.remove(pattern)
                break
    return SampleReport(errors, unmatched)


_lock = threading.Lock()
_loaded = False


def load_builtin() -> None:
    """Register the YAML formats of this package and of ``LOGFOREST_FORMATS``, once."""
    global _loaded  # noqa: PLW0603
    if _loaded:
        return
    with _lock:
        if _loaded:
            return
        for file in sorted(Path(__file__).parent.glob("*.yaml")):
            for spec in read_specs(file):
                spec.register()
        _loaded = True
    for place in os.environ.get("LOGFOREST_FORMATS", "").split(os.pathsep):
        if place:
            load_formats(place)
