#!/usr/bin/env python3
"""Writes src/logforest/classify/word_tables.inc: which characters make words, and lower case.

The tables are those of Python's own Unicode data, so words are cut as by the pattern \\w of
Python's re module and as scikit-learn does.
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

OUT = Path(__file__).parents[1] / "src" / "logforest" / "classify" / "word_tables.inc"


def characters() -> range:
    return range(0x80, 0x110000)


def word_ranges() -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for c in characters():
        if 0xD800 <= c < 0xE000 or not chr(c).isalnum():
            continue
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1] = (ranges[-1][0], c)
        else:
            ranges.append((c, c))
    return ranges


def lower_ranges() -> list[tuple[int, int, int, int]]:
    pairs = [
        (c, ord(chr(c).lower()) - c)
        for c in characters()
        if not 0xD800 <= c < 0xE000 and len(chr(c).lower()) == 1 and chr(c).lower() != chr(c)
    ]
    ranges = []
    i = 0
    while i < len(pairs):
        first, delta = pairs[i]
        step, j = 1, i
        if i + 1 < len(pairs) and pairs[i + 1][1] == delta and pairs[i + 1][0] - first in (1, 2):
            step = pairs[i + 1][0] - first
            while j + 1 < len(pairs) and pairs[j + 1] == (pairs[j][0] + step, delta):
                j += 1
        ranges.append((first, pairs[j][0], step, delta))
        i = j + 1
    return ranges


def rows(items: list[tuple[int, ...]], per_line: int) -> str:
    cells = ["{" + ", ".join(map(str, item)) + "}" for item in items]
    lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
    return ",\n    ".join(lines)


def main() -> None:
    words, lower = word_ranges(), lower_ranges()
    OUT.write_text(
        f"// Written by scripts/make_word_tables.py from Unicode {unicodedata.unidata_version}.\n"
        f"constexpr WordRange kWordRanges[] = {{\n    {rows(words, 6)}}};\n"
        f"constexpr LowerRange kLowerRanges[] = {{\n    {rows(lower, 5)}}};\n"
    )
    sys.stdout.write(f"{OUT}: {len(words)} word ranges, {len(lower)} lower-case ranges\n")


if __name__ == "__main__":
    main()
