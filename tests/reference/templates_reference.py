"""The template miner once more, slowly and plainly: messages of simple words in, groups out.

Words are split at blanks and delimiters; a word with a digit is a wildcard (the masks of the real
scanner are left out: use it with ``masks=()``). What matters is the grouping of shapes, as
src/logforest/templates/{grouping,rounds} describe it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

WILD = "<*>"
DELIMITERS = "=()[]{},;:\"'<>|"
ANNOUNCE = {
    "user", "username", "login", "account", "host", "hostname", "node", "server", "client",
    "device", "interface", "file", "folder", "directory", "path", "domain", "queue", "topic",
    "table", "database", "schema", "volume", "container", "pod", "namespace", "group", "role",
    "key", "name",
}  # fmt: skip
PREPOSITIONS = {"at", "by", "for", "from", "into", "on", "to", "via", "with", "over"}


def limits(min_values: int) -> dict[str, int]:
    d = min_values - 5
    half = int(d / 2)  # towards zero
    return {
        "plain": min_values, "first": 9 + d, "upper": 7 + d, "assigned": max(2, 5 + half),
        "quoted": 2 + max(0, half), "named": max(2, 3 + half), "identifier": max(2, 4 + half),
    }  # fmt: skip


def is_word(token: str) -> bool:
    return token != WILD and token not in DELIMITERS


def is_upper(word: str) -> bool:
    return len(word) > 1 and word.upper() == word != word.lower()


def is_identifier(word: str) -> bool:
    mark = any(c in "._-/@\\$#&~+" for c in word[1:-1])
    return mark or (word[1:].lower() != word[1:] and word != word.upper())


def fold(tokens: list[str], origin: list[int]) -> tuple[list[str], list[int]]:
    """Neighbouring wildcards are one; a bracket with nothing else in it is left out."""
    out: list[str] = []
    places: list[int] = []
    for token, place in zip(tokens, origin, strict=True):
        if token == WILD and out:
            if out[-1] == WILD:
                continue
            if len(out) > 1 and out[-1] in ",:" and out[-2] == WILD:
                out.pop()
                places.pop()
                continue
        if token in ")]":
            opening = "(" if token == ")" else "["
            if out and out[-1] == opening:
                del out[-1:], places[-1:]
                continue
            if len(out) > 2 and out[-1] == WILD and out[-2] == opening:
                del out[-2:], places[-2:]
                continue
        out.append(token)
        places.append(place)
    return out, places


def shape(message: str) -> tuple[str, ...]:
    words = re.findall(r"[^\s=()\[\]{},;:\"'<>|]+|[=()\[\]{},;:\"'<>|]", message)
    tokens = [WILD if re.search(r"\d", w) else w for w in words]
    return tuple(fold(tokens, list(range(len(tokens))))[0])


class Work:
    def __init__(self, shape: tuple[str, ...]) -> None:
        self.shape = shape
        self.tokens = list(shape)
        self.origin = list(range(len(shape)))
        self.holes: set[int] = set()

    def punch(self, places: set[int]) -> None:
        for i in places:
            self.holes.add(self.origin[i])
            self.tokens[i] = WILD
        self.tokens, self.origin = fold(self.tokens, self.origin)


def column_of(tokens: Sequence[str], i: int) -> tuple[object, ...]:
    return (i, *tokens[:i], None, *tokens[i + 1 :])


def context_of(tokens: Sequence[str], i: int) -> tuple[str | None, bool]:
    """The word before, delimiters skipped, and whether a value is assigned here."""
    quoted = i > 1 and tokens[i - 1] == '"'
    assigned = (i > 0 and tokens[i - 1] == "=") or (quoted and tokens[i - 2] in "=:")
    j = i
    while j > 0 and tokens[j - 1] != WILD and not is_word(tokens[j - 1]):
        j -= 1
    previous = tokens[j - 1] if j > 0 and is_word(tokens[j - 1]) else None
    return previous, assigned


def announced(tokens: Sequence[str], i: int) -> bool:
    """Whether a name follows: behind a noun for such, or alone between two prepositions."""
    previous, _ = context_of(tokens, i)
    if previous is not None and previous.lower() in ANNOUNCE:
        return True
    return 0 < i < len(tokens) - 1 and {tokens[i - 1], tokens[i + 1]} <= PREPOSITIONS


def quoted(tokens: Sequence[str], i: int) -> bool:
    return 0 < i < len(tokens) - 1 and tokens[i - 1] == tokens[i + 1] and tokens[i - 1] in "\"'"


class Miner:
    def __init__(self, messages: Sequence[str], min_values: int = 5) -> None:
        self.limits = limits(min_values)
        self.shapes = {message: shape(message) for message in messages}
        self.works = {s: Work(s) for s in sorted(set(self.shapes.values()))}
        self.known: set[tuple[str, str]] = set()  # variable behind that word
        self.values: set[str] = set()  # variable anywhere
        for _ in range(24):
            if not self.step() and not self.absorb():
                break

    def groups(self, messages: Sequence[str]) -> list[tuple[str, ...]]:
        return [tuple(self.works[self.shapes[m]].tokens) for m in messages]

    def enough(self, words: set[str], wild: bool, tokens: tuple[str, ...], i: int) -> bool:
        _, assigned = context_of(tokens, i)
        states = 2 * sum(map(is_upper, words)) > len(words)
        if i > 0 and wild and len(words) == 1 and is_identifier(min(words)):
            return True
        if i > 0 and not states and len(words) >= 2 and words <= self.values_before:
            return True
        if i == 0:
            need = self.limits["first"]
        elif states:
            need = self.limits["upper"]
        elif quoted(tokens, i):
            need = self.limits["quoted"]
        elif assigned:
            need = self.limits["assigned"]
        elif announced(tokens, i):
            need = self.limits["named"]
        elif 2 * sum(map(is_identifier, words)) > len(words):
            need = self.limits["identifier"]
        else:
            need = self.limits["plain"]
        if wild:
            need = 1 if assigned else max(2, need - 2)
        proven = 0 if i == 0 or states else len(words & self.values_before)
        return len(words) + (proven if proven >= 3 else 0) >= need

    def step(self) -> bool:
        live = sorted({tuple(w.tokens) for w in self.works.values()})
        words: dict[tuple[object, ...], set[str]] = defaultdict(set)
        wild: set[tuple[object, ...]] = set()
        for tokens in live:
            for i, token in enumerate(tokens):
                if token == WILD:
                    wild.add(column_of(tokens, i))
                elif is_word(token):
                    words[column_of(tokens, i)].add(token)
        self.values_before = set(self.values)
        decided = self.decide(live, words, wild)
        self.spread(decided, live, words, wild)
        for work in self.works.values():
            places = decided.get(tuple(work.tokens))
            if places:
                work.punch(places)
        return any(decided.values())

    def decide(self, live: list, words: dict, wild: set) -> dict[tuple[str, ...], set[int]]:
        """Columns with enough words."""
        decided: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for tokens in live:
            if sum(map(is_word, tokens)) < 2:
                continue
            for i in filter(lambda i: is_word(tokens[i]), range(len(tokens))):
                column = column_of(tokens, i)
                if self.enough(words[column], column in wild, tokens, i):
                    decided[tokens].add(i)
                    self.values.add(tokens[i])
                    previous = context_of(tokens, i)[0]
                    if previous is not None:
                        self.known.add((previous, tokens[i]))
        return decided

    def spread(self, decided: dict, live: list, words: dict, wild: set) -> None:
        """Columns of words that proved variable behind the same word."""
        for tokens in live:
            for i in range(1, len(tokens)):
                previous = context_of(tokens, i)[0]
                column = column_of(tokens, i)
                if (
                    is_word(tokens[i])
                    and previous is not None
                    and all((previous, word) in self.known for word in words[column])
                    and len(words[column]) + (column in wild) >= 2
                ):
                    decided[tokens].add(i)

    def absorb(self) -> bool:
        """Shapes that proved nothing join patterns that they fit."""
        patterns: dict[int, dict[tuple[int, ...], set[tuple[str, ...]]]] = {}
        for work in self.works.values():
            if work.holes:
                holes = tuple(sorted(work.holes))
                masked = tuple(WILD if i in work.holes else t for i, t in enumerate(work.shape))
                patterns.setdefault(len(masked), {}).setdefault(holes, set()).add(masked)
        changed = False
        for work in self.works.values():
            if work.holes:
                continue
            sets = patterns.get(len(work.shape), {})
            for holes in sorted(sets, key=lambda h: (len(h), h)):
                masked = tuple(WILD if i in holes else t for i, t in enumerate(work.shape))
                if masked in sets[holes]:
                    places = {
                        i for i, t in enumerate(work.tokens)
                        if is_word(t) and work.origin[i] in holes
                    }  # fmt: skip
                    changed |= bool(places)
                    work.punch(places)
                    break
        return changed
