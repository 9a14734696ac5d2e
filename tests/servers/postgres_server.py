"""A PostgreSQL server of the tests' own, and the guard that cleans up after it.

Run as a program this module is the guard: a process that outlives pytest by a moment. It waits
until nobody holds the lock file any more, which the system frees however a process ends, then
stops the server and removes its files. Standard library only.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from tests.servers.processes import free_port

__all__ = ["PostgresServer", "guarded", "hold", "programs", "start_shared"]

#: Seconds in which the server has to be ready, or gone.
PATIENCE: Final = 60.0
#: How often is looked whether it is, in seconds.
TICK: Final = 0.02
#: The one who may do everything; tests make users with fewer rights.
ADMIN: Final = "postgres"

_RULES: Final = f"host all {ADMIN} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
}
#: The tests kill the server and never the machine.
_UNSYNCED: Final = {"fsync": "off", "full_page_writes": "off"}


def programs() -> Path | None:
    """The directory with the programs of the newest PostgreSQL; None where there is none."""
    found = shutil.which("initdb")
    if found and (Path(found).parent / "postgres").exists():
        return Path(found).parent
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3])
    )
    return installed[-1].parent if installed else None


class PostgresServer:
    """A server on a free port of the loopback interface, in a directory of its own.

    Args:
        home: its directory; made by `make`.
        port: None: any that is free.
        sync: whether commits reach the disk.
    """

    def __init__(self, home: Path, port: int | None = None, *, sync: bool = False) -> None:
        self.home = home
        self.port = port
        self._settings = _SETTINGS if sync else {**_SETTINGS, **_UNSYNCED}
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def make(cls, **options: Any) -> PostgresServer:
        """A server with an empty database cluster; it does not run yet."""
        # Not under pytest's directory, which only its own user may enter.
        home = Path(tempfile.mkdtemp(prefix="pq-postgres-"))
        if os.geteuid() == 0:
            user = _unprivileged()
            os.chown(home, user.pw_uid, user.pw_gid)
        server = cls(home, **options)
        try:
            subprocess.run(
                [
                    str(server._program("initdb")),
                    *("-D", str(server.data), "-U", ADMIN, "-A", "trust"),
                    *("--encoding=UTF8", "--no-locale", "--no-sync"),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
                **server._as_user(),
            )
            (server.data / "pg_hba.conf").write_text(_RULES)
        except BaseException:
            server.remove()
            raise
        return server

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"

    @property
    def conninfo(self) -> str:
        """How its administrator connects."""
        return f"host=127.0.0.1 port={self.port} user={ADMIN} dbname=postgres"

    def start(self) -> None:
        """Starts it, and waits until it takes connections."""
        end = time.monotonic() + PATIENCE
        while True:
            port = self.port or free_port()
            settings = [f"--{name}={value}" for name, value in self._settings.items()]
            with (self.home / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [
                        str(self._program("postgres")),
                        *("-D", str(self.data), "-p", str(port)),
                        *settings,
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **self._as_user(),
                )
            while self._process.poll() is None:
                if self._is_ready(port):
                    self.port = port
                    return
                if time.monotonic() > end:
                    raise TimeoutError(f"the server in {self.home} does not start; see its log")
                time.sleep(TICK)
            # Somebody took the port, or what was killed has not let go of its memory yet.
            if time.monotonic() > end:
                raise RuntimeError(f"the server in {self.home} does not start; see its log")
            time.sleep(TICK)

    def kill(self) -> None:
        """Ends it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it at once; what was committed is on disk or in its log."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """Removes its files."""
        shutil.rmtree(self.home, ignore_errors=True)

    def _end(self, sign: signal.Signals) -> None:
        pid = self._pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
        if self._process is not None:
            self._process.wait(PATIENCE)
            self._process = None
            return
        end = time.monotonic() + PATIENCE
        while pid is not None and _lives(pid) and time.monotonic() < end:
            time.sleep(TICK)

    def _pid(self) -> int | None:
        if self._process is not None:
            return self._process.pid
        with suppress(OSError, ValueError, IndexError):
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            # After a crash the file is left, and its number may be somebody else's by now.
            if str(self.data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return None

    def _is_ready(self, port: int) -> bool:
        # The eighth line of the file is the state (PostgreSQL's pidfile.h).
        with suppress(OSError, IndexError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = str(self._process.pid) if self._process else ""
            return (lines[0], lines[3], lines[7].strip()) == (pid, str(port), "ready")
        return False

    def _program(self, name: str) -> Path:
        directory = programs()
        if directory is None:
            raise FileNotFoundError(f"{name} is not installed")
        return directory / name

    def _as_user(self) -> dict[str, Any]:
        """PostgreSQL refuses to be run by root."""
        if os.geteuid() != 0:
            return {"cwd": self.home}
        user = _unprivileged()
        return {
            "cwd": self.home,
            "user": user.pw_uid,
            "group": user.pw_gid,
            "extra_groups": [],
        }


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise LookupError("there is no unprivileged user to run PostgreSQL")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def hold(lock: Path) -> IO[bytes]:
    """The lock file, held together with others until it is closed or the process ends."""
    file = lock.open("ab")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def start_shared(lock: Path) -> PostgresServer:
    """A server that runs until nobody holds `lock`; the caller has to hold it already."""
    told = json.loads(_run_guard(lock))
    return PostgresServer(Path(told["home"]), told["port"])


def guarded(server: PostgresServer, lock: Path) -> PostgresServer:
    """A server of the caller's that goes when nobody holds `lock` any more."""
    _run_guard(lock, server.home)
    return server


def _run_guard(*arguments: Path) -> bytes:
    command = [sys.executable, "-m", "tests.servers.postgres_server", *map(str, arguments)]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout


def _guard(lock: Path, home: Path | None = None) -> None:
    """Starts a server in the background, or takes over one, and sees to its end."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with os.fdopen(reading) as answer:
            text = answer.read()
        if not text:
            sys.exit("the PostgreSQL server did not start")
        sys.stdout.write(text)
        return
    os.setsid()  # an interrupt at the terminal is not for this process
    os.close(reading)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    server = PostgresServer.make() if home is None else PostgresServer(home)
    try:
        if home is None:
            server.start()
        with os.fdopen(writing, "w") as out:
            json.dump({"home": str(server.home), "port": server.port}, out)
        os.dup2(nothing, 2)
        with lock.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            server.stop()
    finally:
        server.remove()


if __name__ == "__main__":
    _guard(*map(Path, sys.argv[1:]))
