"""A way to a server that can lose an answer, as a network can."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

__all__ = ["Relay"]


class Relay:
    """Listens at an address and passes on what both sides say.

    Args:
        host: of the server.
        port: of the server.
        at: the address to listen at.

    Attributes:
        port: to connect to instead.
    """

    def __init__(self, host: str, port: int, at: str = "127.0.0.1") -> None:
        self._server = (host, port)
        self._listening = socket.create_server((at, 0))
        self.port: int = self._listening.getsockname()[1]
        self._mutex = threading.Lock()
        self._answers = 0
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, answer: int) -> None:
        """The server's so-many-th answer from now on is lost, and its connection with it."""
        with self._mutex:
            self._answers = answer

    def _is_lost(self) -> bool:
        with self._mutex:
            self._answers -= 1
            return self._answers == 0

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                for one, other, is_answer in ((client, server, False), (server, client, True)):
                    threading.Thread(
                        target=self._pass_on, args=(one, other, is_answer), daemon=True
                    ).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                if is_answer and self._is_lost():
                    break
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends all connections."""
        for each in (self._listening, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
