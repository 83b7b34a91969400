"""Idempotency keys that come at once: one of them is stored, all get its answer."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, cast

from logforest.pipeline.receipts import KeyReused, Outcome, ReceiptBook, make_receipt
from logforest.queues.base import Answer, Submission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logforest.stores.base import Receipt, Store


class Ledger:
    """What the book asks of a store; ``before_answer`` is the moment for others to get in."""

    def __init__(self) -> None:
        self.rows: dict[str, Receipt] = {}
        self.before_answer = lambda: None

    def receipts(self, keys: Sequence[str]) -> dict[str, Receipt]:
        found = {key: self.rows[key] for key in keys if key in self.rows}
        self.before_answer()
        return found


def submission(digest: str = "d", key: str = "k") -> Submission:
    return Submission(body=b"x", future=Future[Answer](), key=key, digest=digest)


def test_a_repeat_that_meets_the_commit_of_the_first_is_not_stored_again() -> None:
    ledger = Ledger()
    book = ReceiptBook(cast("Store", ledger))
    answered: list[Outcome] = []
    first, second, third = submission(), submission(), submission()

    def commit_first() -> None:
        answer = Answer(accepted=1, first_id=7)
        ledger.rows["default:k"] = make_receipt(first, answer)
        answered.extend(book.settle([(first, answer)]))

    def take(outcomes: list[Outcome]) -> None:
        answered.extend(book.settle(outcomes))

    assert book.sift([first], take) == [first]
    ledger.before_answer = commit_first
    fresh = book.sift([second], take)
    if not answered:
        commit_first()
    assert fresh == []
    ledger.before_answer = lambda: None
    assert book.sift([third], take) == []
    assert [(s, cast(Answer, a).first_id, cast(Answer, a).repeated) for s, a in answered] == [
        (first, 7, False), (second, 7, True), (third, 7, True),
    ]  # fmt: skip


def test_repeats_in_one_batch_and_other_bodies() -> None:
    ledger = Ledger()
    book = ReceiptBook(cast("Store", ledger))
    answered: list[Outcome] = []

    def take(outcomes: list[Outcome]) -> None:
        answered.extend(book.settle(outcomes))

    first, same, other, free = submission(), submission(), submission("e"), submission(key="")
    assert book.sift([first, same, other, free], take) == [first, free]
    assert [s for s, _ in answered] == [other]
    assert isinstance(answered[0][1], KeyReused)
    failed = book.settle([(first, RuntimeError("disk"))])
    assert [s for s, _ in failed] == [first, same]
    assert book.sift([same], take) == [same]  # nothing was stored: the next one leads
