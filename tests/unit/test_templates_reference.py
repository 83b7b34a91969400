"""The miner's grouping against a plain Python reference, on random messages."""

from __future__ import annotations

import random

import pytest
from tests.log_shapes import KINDS, generate
from tests.reference.templates_reference import Miner

from logforest.templates import TemplateMiner

NAMES = ["alma", "bruno", "celia", "denis", "edda", "fritz", "greta", "hanno"]
STATES = ["OPEN", "SHUT", "HALF", "LOST", "IDLE", "BUSY", "FULL", "GONE"]
KEYS = ["mainLoop", "side_effect", "BigTable", "fooBar", "rowCount"]
VERBS = ["moves", "takes", "drops"]
FRAMES = [
    "{n} {v} it", "user {n} {v} {d} coins", "{v} user={n} mode={s}", "state {s} of {n}",
    "call {k} by {n} ( {d} )", "note ( {n} ) about {k} , {n}", "user {n} and {n} see {s}",
    "{s} {n} {k}", "{n}", "plain {v} text", "host = {k} [ {n} ] {d} , {d}",
]  # fmt: skip


def messages(rng: random.Random) -> list[str]:
    frames = rng.sample(FRAMES, rng.randrange(1, len(FRAMES)))
    pools = {
        name: pool[: rng.randrange(1, len(pool) + 1)]
        for name, pool in (("n", NAMES), ("s", STATES), ("k", KEYS), ("v", VERBS))
    } | {"d": ["7", "x12"]}
    out = []
    for _ in range(rng.randrange(1, 120)):
        frame = rng.choice(frames)
        for name, pool in pools.items():
            while "{" + name + "}" in frame:
                frame = frame.replace("{" + name + "}", rng.choice(pool), 1)
        out.append(frame)
    return out


def partition(groups: list) -> list[int]:
    places: dict = {}
    return [places.setdefault(group, len(places)) for group in groups]


@pytest.mark.parametrize("seed", range(200))
def test_random_messages(seed: int) -> None:
    rng = random.Random(seed)
    lines, min_values = messages(rng), rng.randrange(2, 8)
    miner = TemplateMiner(masks=(), min_values=min_values)
    got = partition(miner.fit_transform(lines).tolist())
    want = partition(Miner(lines, min_values).groups(lines))
    assert got == want, [(line, a, b) for line, a, b in zip(lines, got, want, strict=True)]


def test_the_reference_finds_the_templates_of_a_kind() -> None:
    lines, _ = generate("shop", 400, 1)
    lines = [line.replace("-", "").replace("/", "").replace(".", "") for line in lines]
    got = TemplateMiner(masks=()).fit_transform(lines).tolist()
    assert partition(got) == partition(Miner(lines).groups(lines))
    assert len(set(got)) <= len(KINDS["shop"]) + 5
