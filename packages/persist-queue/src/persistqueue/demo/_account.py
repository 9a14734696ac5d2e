"""The account of a run, from nothing but the text and what the consumers wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = ["Account", "draw_up"]


@dataclass(frozen=True)
class Account:
    """What became of the lines.

    Attributes:
        put: lines of the text.
        delivered: different lines that were written by a consumer.
        put_again: lines whose producer was killed between the put and its note of it, and whose
            next life put them once more.
        delivered_again: items that came more than once, or late, because a consumer was killed
            with them in hand.
        altered: lines written that are not what was put.
        lost: lines that no consumer has written.
        out_of_order: lines that came behind a later one of the same producer, and not because a
            killed consumer had them in hand.
    """

    put: int
    delivered: int
    put_again: int
    delivered_again: int
    altered: int
    lost: int
    out_of_order: int

    @property
    def is_good(self) -> bool:
        """Whether each line was delivered, as it was and in order."""
        return not (self.lost or self.altered or self.out_of_order)


class _Delivery(NamedTuple):
    time: int
    producer: int
    life: int
    number: int
    line: str
    output: int


def draw_up(lines: Sequence[str], producers: int, outputs: Sequence[Path], killed: int) -> Account:
    """Counts what the consumers wrote against the text.

    Args:
        lines: the text.
        producers: how many shared its lines, each taking every that-many-th.
        outputs: one file for each life of each consumer.
        killed: how many of these lives a kill has ended. A consumer takes one item at a time, so
            each had at most one in hand that it had not written yet. Such an item comes again
            behind its successors and is the only kind that may.
    """
    items: Counter[tuple[int, int, int]] = Counter()
    lives: dict[tuple[int, int], set[int]] = {}
    newest: dict[tuple[int, int], int] = {}
    altered = late = 0
    # In the order of time, so that the first delivery of a line is known as such.
    for delivery in sorted(_deliveries(outputs)):
        _, producer, life, number, _, output = delivery
        if not _is_line(lines, producers, delivery):
            altered += 1
            continue
        items[producer, life, number] += 1
        if (producer, number) in lives:
            lives[producer, number].add(life)
            continue
        lives[producer, number] = {life}
        late += number < newest.get((output, producer), 0)
        newest[output, producer] = max(number, newest.get((output, producer), 0))
    given_back = min(late, killed)
    return Account(
        put=len(lines),
        delivered=len(lives),
        put_again=sum(len(of_line) - 1 for of_line in lives.values()),
        delivered_again=sum(count - 1 for count in items.values()) + given_back,
        altered=altered,
        lost=len(lines) - len(lives),
        out_of_order=late - given_back,
    )


def _deliveries(outputs: Sequence[Path]) -> Iterator[_Delivery]:
    for index, output in enumerate(outputs):
        # Behind the last line end is what a kill has cut short: not settled, so it came again.
        for row in output.read_bytes().split(b"\n")[:-1]:
            time, producer, life, number, line = row.decode().split(" ", 4)
            yield _Delivery(int(time), int(producer), int(life), int(number), line, index)


def _is_line(lines: Sequence[str], producers: int, delivery: _Delivery) -> bool:
    index = delivery.producer + delivery.number * producers
    return index < len(lines) and lines[index] == delivery.line
