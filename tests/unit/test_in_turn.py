"""Results of several threads are passed on in the order of their numbers."""

from __future__ import annotations

import random
import threading

from logforest.workers.in_turn import InTurn


def test_any_order_in_gives_one_order_out() -> None:
    rng = random.Random(3)
    for _ in range(50):
        seen: list[tuple[int, int]] = []
        turns = InTurn(seen.append, most=40)
        numbers = list(range(40))
        rng.shuffle(numbers)
        want = []
        for number in range(40):
            want += [(number, part) for part in range(number % 3)]
        for number in numbers:
            turns.bring(number, [(number, part) for part in range(number % 3)])
        assert seen == want


def test_nothing_is_put_aside_without_bound() -> None:
    seen: list[int] = []
    turns = InTurn(seen.append, most=3)
    for number in (1, 2, 3):
        turns.bring(number, [number])
    assert seen == []
    turns.bring(4, [4])  # one too many: 0 is given up
    assert seen == [1, 2, 3, 4]
    turns.bring(6, [6])
    turns.bring(0, [0])  # late, but not lost
    assert seen == [1, 2, 3, 4, 0]
    turns.bring(5, [])
    assert seen == [1, 2, 3, 4, 0, 6]


def test_threads_that_overtake_each_other() -> None:
    seen: list[int] = []
    turns = InTurn(seen.append, most=400)
    left = list(range(400))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not left:
                    return
                number = left.pop(0)
            turns.bring(number, [number])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == list(range(400))
