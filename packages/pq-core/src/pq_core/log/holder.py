"""What one thread has taken and not settled yet."""

from __future__ import annotations

__all__ = ["Holder", "Out"]


class Out:
    """Neighbouring items that one holder has out: from `start` up to before `stop`.

    Attributes:
        segment, offset, first: where the first item lies, and its seq.
        mark: where its state stands.
        end_segment, end_offset, stop: where the item behind the last one lies, and its seq.
        index: of the run in this process's claims file; negative where there is none.
    """

    __slots__ = (
        "end_offset",
        "end_segment",
        "first",
        "index",
        "mark",
        "offset",
        "segment",
        "stop",
    )

    def __init__(
        self,
        segment: int,
        offset: int,
        first: int,
        mark: int,
        end_segment: int,
        end_offset: int,
        stop: int,
        index: int,
    ) -> None:
        self.segment = segment
        self.offset = offset
        self.first = first
        self.mark = mark
        self.end_segment = end_segment
        self.end_offset = end_offset
        self.stop = stop
        self.index = index


class Holder:
    """What one thread has taken and not settled yet. Changed under the tail's mutex only."""

    __slots__ = ("outs",)

    def __init__(self) -> None:
        self.outs: list[Out] = []

    def count(self) -> int:
        """How many items these are."""
        return sum(out.stop - out.first for out in self.outs)

    def oldest(self) -> int | None:
        """The smallest seq among what is held, or None."""
        return min((out.first for out in self.outs), default=None)
