"""`Reading`: a figure that stands by itself, in a unit of its own, the lower the better."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """One figure.

    Attributes:
        what: it is.
        value: the figure.
        unit: "ms", "MB", "%" or "calls".
        goal: not to be exceeded; None where there is none.
        detail: what else was seen.
        floor: the same figure of the least that could do the work; None where none was measured.
    """

    what: str
    value: float
    unit: str
    goal: float | None = None
    detail: str = ""
    floor: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is, to two digits; None where there is none."""
        return None if self.goal is None else round(self.value, 2) <= self.goal
