"""Plain Python reference of JSON objects that stand for many records, each with its context.

A batch is an object with exactly one list of objects and neither time, message nor level of its
own. The first object of the list is a record (a time, and a message or the name of an event) or
has exactly one such list itself; the others are like the first.
"""

from __future__ import annotations

from typing import Any

import records_reference as reference

DEEPEST = 4
MOST_REPEATED = 16
TARGETS = reference.ALIASES


def is_list(value: Any) -> bool:
    """A list of objects, as its first element says."""
    return type(value) is list and bool(value) and isinstance(value[0], reference.Pairs)


def shape(members: reference.Pairs) -> tuple[set[str], list[Any]]:
    """The columns that the members of an object name, and its lists of objects."""
    lists = [value for _, value in members if is_list(value)]
    names = {TARGETS.get(key.lower(), "") for key, value in members if not is_list(value)}
    return names, lists


def wrapper(members: Any) -> bool:
    names, lists = shape(members)
    return len(lists) == 1 and not names & {"timestamp", "message", "level"}


def is_record(members: Any) -> bool:
    names, _ = shape(members)
    return "timestamp" in names and bool(names & {"message", "event"})


def around(members: reference.Pairs) -> reference.Pairs:
    return reference.Pairs((key, value) for key, value in members if not is_list(value))


def unpack(
    members: reference.Pairs,
) -> list[tuple[reference.Pairs, list[reference.Pairs]]] | None:
    """Each record with its context, the nearest first; None when the object is one record."""
    if not wrapper(members):
        return None
    names, (inner,) = shape(members)
    pages = is_list(members[0][1]) and not (
        names & {"service", "source"}
        or any(isinstance(value, (list, reference.Pairs)) for _, value in around(members))
    )
    depth, first = 1, inner[0]
    while not is_record(first):
        if depth == DEEPEST or not wrapper(first):
            return None
        depth, first = depth + 1, shape(first)[1][0][0]
    found: list[tuple[reference.Pairs, list[reference.Pairs]]] = []
    context = [] if pages else [around(members)]
    return found if _collect(inner, depth, context, found) else None


def _collect(
    items: list[Any], depth: int, context: list[reference.Pairs],
    found: list[tuple[reference.Pairs, list[reference.Pairs]]],
) -> bool:  # fmt: skip
    for item in items:
        if not isinstance(item, reference.Pairs):
            return False
        if depth == 1:
            found.append((item, context))
        elif not wrapper(item):
            return False
        else:
            inner = shape(item)[1][0]
            if not _collect(inner, depth - 1, [around(item), *context], found):
                return False
    return True


def parse_line(line: str, received: int = 0) -> list[dict[str, Any]] | None:
    """The records of one line of JSON, or None for a reject."""
    try:
        value = reference._load(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, reference.Pairs):
        return None
    records = unpack(value)
    if records is None:
        row = reference.Row()
        return [reference.finish(row, reference.walk(row, value, ""), received)]
    out = []
    for members, context in records:
        row = reference.Row()
        unwrapped = reference.Pairs()
        for key, inner in members:  # a message that is JSON is a line of the program
            line_inside = TARGETS.get(key.lower()) == "message" and type(inner) is str
            fields = reference.inner_record(inner) if line_inside else None
            if fields is not None:
                unwrapped.extend(reference.walk(row, fields, ""))
            else:
                unwrapped.extend(reference.walk(row, reference.Pairs([(key, inner)]), ""))
        row.context = True
        for level in context:
            unwrapped.extend(reference.walk(row, level, ""))
        out.append(reference.finish(row, unwrapped, received))
    return out
