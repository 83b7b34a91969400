"""Labelled log messages in the manner of kinds of programs, all written here.

Each kind is a list of templates (log_shapes.txt); ``{slot}`` is a variable. Some templates differ
in one constant word only, as states and verbs do, and must not be joined; slots of plain words
must be.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from pathlib import Path

__all__ = ["KINDS", "generate"]

_POOLS = {
    "user": "alice bob carol dmitri eva farid grace hiro ines jonas kira lars mona nadia "
    "omar petra quentin rosa sven tara ulla viktor wanda xenia yusuf zoe root "
    "admin guest backup www-data",
    "why": "timeout refused reset unreachable denied expired throttled corrupted truncated "
    "overloaded misrouted duplicate",
    "queue": "orders invoices mail thumbs search audit billing export sync webhooks",
}
PEOPLE, WORDS, QUEUES = (text.split() for text in _POOLS.values())
HOSTS = [f"{a}-{b}" for a in ("edge", "core", "db", "cache", "relay") for b in "abcdefgh"]
_DAEMONS = ("cron", "sshd", "nginx", "redis", "postfix", "docker", "rsyslog", "chrony")
UNITS = [f"{a}.{b}" for a in _DAEMONS for b in ("service", "socket", "timer")]
_MAKERS = ("acme", "globex", "initech", "umbrella")
PACKAGES = [f"com.{a}.{b}" for a in _MAKERS for b in ("mail", "maps", "music", "store", "camera")]
CLASSES = [
    a + b + c
    for a in ("Task", "Block", "Job", "Node", "Shuffle")
    for b in ("Manager", "Tracker", "Cleaner")
    for c in ("Impl", "Service", "")
]
PATHS = [
    f"/{a}/{b}/{c}"
    for a in ("var", "srv", "home")
    for b in ("lib", "data", "spool")
    for c in ("queue", "index.db", "part-0")
]


def _of(values: list[str]) -> Callable[[random.Random], str]:
    return lambda rng: values[min(int(rng.expovariate(4 / len(values))), len(values) - 1)]


SLOTS: dict[str, Callable[[random.Random], str]] = {
    "user": _of(PEOPLE),
    "host": _of(HOSTS),
    "unit": _of(UNITS),
    "package": _of(PACKAGES),
    "class": _of(CLASSES),
    "path": _of(PATHS),
    "queue": _of(QUEUES),
    "why": _of(WORDS),
    "n": lambda rng: str(rng.randrange(10 ** rng.randrange(1, 7))),
    "f": lambda rng: f"{rng.expovariate(0.1):.3f}",
    "ip": lambda rng: ".".join(str(rng.randrange(256)) for _ in range(4)),
    "hex": lambda rng: f"0x{rng.getrandbits(40):x}",
    "uuid": lambda rng: (
        f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4abc-9def-{rng.getrandbits(48):012x}"
    ),
    "pid": lambda rng: str(rng.randrange(2, 40_000)),
    "bool": lambda rng: rng.choice(["true", "false"]),
    "url": lambda rng: f"https://{rng.choice(HOSTS)}.example.net/v2/{rng.choice(QUEUES)}",
    "date": lambda rng: (
        f"2026-0{rng.randrange(1, 9)}-1{rng.randrange(9)} 0{rng.randrange(9)}:12:55"
    ),
}


def _read_kinds() -> dict[str, list[str]]:
    text = Path(__file__).with_suffix(".txt").read_text("utf-8")
    parts = [part.strip().splitlines() for part in text.split("# ") if part.strip()]
    return {part[0]: part[1:] for part in parts}


KINDS = _read_kinds()


def generate(kind: str, count: int, seed: int) -> tuple[list[str], list[int]]:
    """Messages of a kind with the place of their template, frequent ones far more often."""
    rng = random.Random(f"{kind} {seed}")
    templates = KINDS[kind]
    order = rng.sample(range(len(templates)), len(templates))
    weights = [1 / (1 + place) for place in range(len(order))]
    truth = rng.choices(order, weights, k=count)
    pieces = [_compile(template) for template in templates]
    return ["".join(part(rng) for part in pieces[i]) for i in truth], truth


def _compile(template: str) -> list[Callable[[random.Random], str]]:
    parts: list[Callable[[random.Random], str]] = []
    for text, slot, _, _ in string.Formatter().parse(template):
        parts.append(lambda _, text=text: text)
        if slot:
            parts.append(SLOTS[slot])
    return parts
