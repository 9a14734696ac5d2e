"""Processes that end with the tests, however those end."""

from __future__ import annotations

import os
import random
import shutil
import socket
from contextlib import suppress
from pathlib import Path

__all__ = ["CHILD", "free_port", "room"]

#: None of those that systems give to whoever connects (RFC 6335, 6; Linux's begin at 32768).
_PORTS = range(10_000, 32_768)

#: A program that becomes another one: `python -c CHILD PARENT USER COMMAND...`. It changes to the
#: user, if one is given, and is killed when the parent ends (prctl(2), PR_SET_PDEATHSIG; only
#: Linux has it). That has to come after the user, because a change of credentials clears it.
CHILD = """
import ctypes, os, pwd, signal, sys
parent, user, *command = sys.argv[1:]
if user:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the parent has ended")
os.execvp(command[0], command)
"""


def room(prefix: str) -> str:
    """A directory for directories called ``<prefix>-<pid>-...``; those of dead processes go.

    In memory where that is possible, so that a sync costs nothing; not below pytest's own
    directories, which other users may not enter.
    """
    place = Path("/dev/shm")
    if not os.access(place, os.W_OK) or shutil.disk_usage(place).free < 1 << 30:
        place = Path("/tmp")
    for each in place.glob(f"{prefix}-*-*"):
        pid = each.name.removeprefix(f"{prefix}-").partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(each, ignore_errors=True)
    return str(place)


def free_port() -> int:
    """A port of this machine where nobody listens, and nobody comes to be by chance.

    While a server is away, any other port could go to a client, and even to one that connects to
    that port: then it is connected with itself, and the server cannot have its port again.
    """
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
