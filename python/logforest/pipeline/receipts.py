"""Idempotency keys: the same key gets the same answer, across concurrent sends and restarts."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import orjson

from logforest.errors import ConfigError
from logforest.queues.base import Answer, Rejected, Submission, Waiter
from logforest.stores.base import Receipt

if TYPE_CHECKING:
    from logforest.stores.base import Store

__all__ = ["KeyReused", "Outcome", "ReceiptBook", "ledger_key", "make_receipt", "resolve"]

Outcome = tuple[Submission, Answer | Exception]


class KeyReused(ConfigError):
    """An idempotency key came again with another body."""


def ledger_key(submission: Submission) -> str:
    """The key in the ledger: keys of different tenants never meet."""
    return f"{submission.tenant}:{submission.key}"


def make_receipt(submission: Submission, answer: Answer) -> Receipt:
    """The ledger row of an answered submission."""
    return Receipt(
        key=ledger_key(submission),
        digest=submission.digest,
        first_id=answer.first_id or 0,
        records=answer.accepted,
        rejected=answer.rejected_total,
        answer=orjson.dumps([asdict(r) for r in answer.rejected]).decode(),
    )


def _answer_again(receipt: Receipt) -> Answer:
    return Answer(
        accepted=receipt.records,
        first_id=receipt.first_id or None,
        rejected=tuple(Rejected(**r) for r in orjson.loads(receipt.answer)),
        rejected_total=receipt.rejected,
        repeated=True,
    )


class ReceiptBook:
    """Knows which keys are being committed now, and asks the ledger about the others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._leaders: dict[str, Submission] = {}
        self._followers: defaultdict[str, list[Submission]] = defaultdict(list)

    def sift(
        self, taken: list[Submission], answer: Callable[[list[Outcome]], None]
    ) -> list[Submission]:
        """Those to be committed; repeats are answered, or wait for the first of their key."""
        fresh: list[Submission] = []
        outcomes: list[Outcome] = []
        mine: dict[str, Submission] = {}
        with self._lock:
            for s in taken:
                if not s.key:
                    continue
                key = ledger_key(s)
                leader = self._leaders.setdefault(key, s)
                if leader is s:
                    mine[key] = s
                elif leader.digest == s.digest:
                    self._followers[key].append(s)
                else:
                    outcomes.append((s, _reused(s)))
        # Asked only now: whoever led before has left after its commit, which is seen here.
        known = self._store.receipts(list(mine)) if mine else {}
        for s in taken:
            key = ledger_key(s) if s.key else ""
            if not s.key or (mine.get(key) is s and key not in known):
                fresh.append(s)
            elif mine.get(key) is s:
                same = known[key].digest == s.digest
                outcomes.append((s, _answer_again(known[key]) if same else _reused(s)))
        if outcomes:
            answer(outcomes)
        return fresh

    def settle(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Outcomes with those added that waited for one of them."""
        if not any(s.key for s, _ in outcomes):
            return outcomes
        out: list[Outcome] = []
        with self._lock:
            for s, outcome in outcomes:
                out.append((s, outcome))
                key = ledger_key(s)
                if s.key and self._leaders.get(key) is s:
                    del self._leaders[key]
                    again = (
                        replace(outcome, repeated=True) if isinstance(outcome, Answer) else outcome
                    )
                    out.extend((follower, again) for follower in self._followers.pop(key, []))
        return out


def _reused(submission: Submission) -> KeyReused:
    return KeyReused(f"Idempotency-Key {submission.key!r} was used before with another body")


def resolve(outcomes: list[Outcome]) -> None:
    """Give out answers; those of an event loop from inside it, with one wake-up for all."""
    loops: defaultdict[asyncio.AbstractEventLoop, list[Outcome]] = defaultdict(list)
    direct: list[Outcome] = []
    for outcome in outcomes:
        future = outcome[0].future
        if isinstance(future, (Waiter, asyncio.Future)):
            loops[future.get_loop()].append(outcome)
        else:
            direct.append(outcome)
    _set_all(direct)
    for loop, waiting in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set_all, waiting)


def _set_all(outcomes: list[Outcome]) -> None:
    together: defaultdict[type[Waiter], list[Outcome]] = defaultdict(list)
    for submission, outcome in outcomes:
        future = submission.future
        if isinstance(future, Waiter):
            together[type(future)].append((submission, outcome))
        elif future.done():  # the client went away
            continue
        elif isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
    for kind, waiting in together.items():
        kind.settle(waiting)
