"""Hosts of their own, as far as the network is concerned: one network namespace each (ip-netns(8)).

Run as a program this module is what works on such a host: it opens a queue and does what the lines
of its input say.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import QueueError
from pq_core.registry import open_queue

__all__ = ["Host"]


class Host:
    """A network namespace, joined to this one by a cable that can be cut.

    The addresses are of those for tests between networks (RFC 2544, appendix C.2.2).

    Args:
        number: of the host, from 0 to 62.
    """

    def __init__(self, number: int) -> None:
        self._space = f"pq-{os.getpid()}-{number}"
        self._cable = f"pq{os.getpid() % 100_000}x{number}"
        net = f"198.18.{os.getpid() % 250}"
        #: Of this side of the cable.
        self.here = f"{net}.{4 * number + 1}"
        self._there = f"{net}.{4 * number + 2}"
        self._process: subprocess.Popen[str] | None = None

    def make(self) -> None:
        """Makes it; where this machine cannot, the test is skipped."""
        if shutil.which("ip") is None:
            pytest.skip("there is no program ip (iproute2), so no host of its own")
        space, cable = self._space, self._cable
        try:
            self._ip(f"netns add {space}")
            self._ip(f"link add {cable} type veth peer name {cable}p")
        except subprocess.CalledProcessError as error:
            self.remove()
            pytest.skip(f"no network namespace can be made here: {error.stderr.strip()}")
        self._ip(f"link set {cable}p netns {space}")
        self._ip(f"addr add {self.here}/30 dev {cable}")
        self._ip(f"link set {cable} up")
        self._ip(f"-n {space} addr add {self._there}/30 dev {cable}p")
        self._ip(f"-n {space} link set {cable}p up")

    def _ip(self, words: str) -> None:
        subprocess.run(["ip", *words.split()], check=True, capture_output=True, encoding="utf-8")

    def cut(self, is_cut: bool) -> None:
        """Cuts the cable, or joins it again; connections hang meanwhile."""
        self._ip(f"link set {self._cable} {'down' if is_cut else 'up'}")

    def open(self, url: str, **options: Any) -> None:
        """Opens a queue over there."""
        command = [sys.executable, "-m", __name__, url, json.dumps(options)]
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", self._space, *command],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        assert self.answer() == "open"

    def ask(self, what: str, *arguments: Any) -> None:
        """Has a method called over there: of the queue, or of the last message."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, *arguments]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """What came of it: the result, an item, or the name of an error. Blocks."""
        assert self._process is not None
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def call(self, what: str, *arguments: Any) -> Any:
        """`ask` and `answer`."""
        self.ask(what, *arguments)
        return self.answer()

    def remove(self) -> None:
        """Ends it, with its process and its cable."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        subprocess.run(["ip", "netns", "del", self._space], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self._cable], check=False, capture_output=True)


def _work(url: str, options: str) -> None:
    queue = open_queue(url, **json.loads(options))
    sys.stdout.write('"open"\n')
    sys.stdout.flush()
    message: Any = None
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        try:
            if what == "receive":
                message = queue.receive(*arguments)
                answer = message.item
            elif what == "settle":
                answer = message.ack()
            else:
                answer = getattr(queue, what)(*arguments)
        except QueueError as error:
            answer = type(error).__name__
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _work(*sys.argv[1:])
