"""Which fingerprints belong to one template: the step that both stores run behind the commits.

A record keeps the stateless fingerprint of its message for ever (``template_id``). The table
``templates`` maps fingerprints, thousands, to templates; mining it again never touches a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MAX_EXAMPLE", "MAX_TEMPLATES", "group_fingerprints", "regrouped", "with_texts"]

#: Fingerprints kept. Hostile or broken senders can make up any number; those beyond are counted
#: by their records alone, each for itself.
MAX_TEMPLATES = 100_000
#: Characters kept of an example.
MAX_EXAMPLE = 2000


def group_fingerprints(
    fingerprints: Sequence[int], examples: Sequence[str]
) -> tuple[list[int], list[str]]:
    """Mine one example a fingerprint; the group and the text of the template for each.

    A group's id is the smallest of its fingerprints, so every id ever given remains the
    fingerprint of a member, whatever joins later. The result depends on the set of rows only.

    >>> group_fingerprints([5, 3, 9], ["job 1 done", "job 2 done", "bye"])
    ([3, 3, 9], ['job <*> done', 'job <*> done', 'bye'])
    """
    from logforest.templates import TemplateMiner

    miner = TemplateMiner(max_shapes=2 * MAX_TEMPLATES, n_jobs=1)
    mined: list[int] = miner.fit_transform(list(examples)).tolist()
    smallest: dict[int, int] = {}
    for fingerprint, template in zip(fingerprints, mined, strict=True):
        smallest[template] = min(fingerprint, smallest.get(template, fingerprint))
    table = miner.templates
    texts = dict(zip(table["id"].to_pylist(), table["template"].to_pylist(), strict=True))
    return [smallest[t] for t in mined], [texts[t] for t in mined]


def regrouped(rows: Iterable[tuple[int, int | None, str, str]]) -> list[tuple[int, int, str]]:
    """What changes in rows (template_id, group_id, template, example) when mined again."""
    known = list(rows)
    if not known:
        return []
    groups, texts = group_fingerprints([row[0] for row in known], [row[3] for row in known])
    return [
        (row[0], group, text)
        for row, group, text in zip(known, groups, texts, strict=True)
        if (row[1], row[2]) != (group, text)
    ]


def with_texts(table: pa.Table) -> pa.Table:
    """Fill in the template of rows that nothing was mined for."""
    from logforest import _core

    missing = table["template"].null_count
    if not missing:
        return table
    texts: list[Any] = [
        row["template"] or (row["example"] and _core.template_text(row["example"]))
        for row in table.select(["template", "example"]).to_pylist()
    ]
    at = table.schema.get_field_index("template")
    import pyarrow as pa

    return table.set_column(at, "template", pa.array(texts, pa.string()))
