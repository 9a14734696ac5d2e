"""Forks while other threads are where no fork may cut."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from pq_core import forking
from pq_core.testing.elsewhere import PATIENCE, InThread, is_waiting
from pq_core.testing.errands import in_fork

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork"),
    # From 3.12 on; it is what these tests are about.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


class Inside:
    """A thread that is in the middle of something until it is let go on."""

    def __init__(self, thread: InThread, what: Any) -> None:
        self._is_in, self._may_leave = threading.Event(), threading.Event()

        def stay() -> None:
            with what:
                self._is_in.set()
                self._may_leave.wait(PATIENCE)

        self._call = thread.submit(stay)
        assert self._is_in.wait(PATIENCE)

    def let_go(self) -> None:
        self._may_leave.set()
        self._call.result(PATIENCE)


def forked(_: object = None) -> str:
    """Forks a child that goes in and out itself; tells what became of it."""

    def go(_: object) -> str:
        with forking.undivided():
            return "in"

    return str(in_fork(None, go))


def test_a_fork_waits_until_nobody_is_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has left is not all of them."""
    monkeypatch.setattr(forking, "PATIENCE", PATIENCE)
    with InThread() as one, InThread() as other, InThread() as forker:
        inside = [Inside(each, forking.undivided()) for each in (one, other)]
        child = forker.submit(forked)
        inside[0].let_go()
        assert is_waiting(child)
        inside[1].let_go()
        assert child.result(PATIENCE) == "in"


def test_nobody_comes_in_while_a_fork_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise those who come and go could keep it for ever."""
    monkeypatch.setattr(forking, "PATIENCE", PATIENCE)

    def enter() -> str:
        with forking.undivided():
            return "in"

    with InThread() as one, InThread() as forker, InThread() as late, InThread() as other:
        inside = Inside(one, forking.undivided())
        child = forker.submit(forked)
        assert is_waiting(child)
        calls = [late.submit(enter), other.submit(forked)]
        assert all(is_waiting(call) for call in calls)
        inside.let_go()
        assert [call.result(PATIENCE) for call in (child, *calls)] == ["in"] * 3


def test_who_is_inside_may_fork() -> None:
    """It does not wait for itself, nor does its child."""
    with forking.undivided():
        assert forked() == "in"
    assert forked() == "in"


def test_a_fork_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some server may not answer at all."""
    monkeypatch.setattr(forking, "PATIENCE", 0.05)
    with InThread() as one:
        inside = Inside(one, forking.undivided())
        assert forked() == "in"
        inside.let_go()
    assert forked() == "in"
