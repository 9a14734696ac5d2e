"""A way to a server that can lose an answer, delay a request and be shut, as a network can."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

__all__ = ["Relay"]


class Relay:
    """Listens at an address and passes on what both sides say, which must not be encrypted.

    Args:
        host: of the server.
        port: of the server.
        at: the address to listen at.

    Attributes:
        port: to connect to instead.
        is_shut: whether new connections end as soon as they are made.
    """

    def __init__(self, host: str, port: int, at: str = "127.0.0.1") -> None:
        self._server = (host, port)
        self._listening = socket.create_server((at, 0))
        self.port: int = self._listening.getsockname()[1]
        self.is_shut = False
        self._mutex = threading.Lock()
        self._word = b""
        self._is_delayed = False
        self._is_dropped = False
        self._may_deliver = threading.Event()
        self._is_done = threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_answer_to(self, word: bytes) -> None:
        """The answer to the next request with this in it is lost, and its connection with it."""
        with self._mutex:
            self._word, self._is_delayed = word, False

    def delay(self, word: bytes) -> None:
        """The connection of the next request with this in it is lost, and the request on its way."""
        with self._mutex:
            self._word, self._is_delayed = word, True

    def deliver(self) -> None:
        """The request that was delayed reaches the server; returns once that has done it."""
        self._may_deliver.set()
        assert self._is_done.wait(30)

    def drop(self) -> None:
        """The request that was delayed never reaches the server, whose connection ends."""
        self._is_dropped = True
        self._may_deliver.set()

    def _is_meant(self, request: bytes) -> bool:
        with self._mutex:
            if not self._word or self._word not in request:
                return False
            self._word = b""
            return True

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = self._listening.accept()
                if self.is_shut:
                    client.close()
                    continue
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                is_lost = threading.Event()
                threading.Thread(
                    target=self._ask, args=(client, server, is_lost), daemon=True
                ).start()
                threading.Thread(
                    target=self._answer, args=(client, server, is_lost), daemon=True
                ).start()

    def _ask(self, client: socket.socket, server: socket.socket, is_lost: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if not self._is_meant(data):
                    server.sendall(data)
                    continue
                is_lost.set()
                if self._is_delayed:
                    client.shutdown(socket.SHUT_RDWR)
                    self._may_deliver.wait(30)
                if self._is_dropped:
                    break
                # It hears of the end once it has done all of it.
                server.sendall(data)
                server.shutdown(socket.SHUT_WR)
                return
        end(client, server)

    def _answer(
        self, client: socket.socket, server: socket.socket, is_lost: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if not is_lost.is_set():
                    client.sendall(data)
        end(client, server)
        if is_lost.is_set():
            self._is_done.set()

    def close(self) -> None:
        """Ends all connections."""
        self._may_deliver.set()
        self._is_done.set()
        end(self._listening, *self._sockets)
        for each in (self._listening, *self._sockets):
            each.close()


def end(*sockets: socket.socket) -> None:
    """Ends what is said over these; whoever waits for more is told."""
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
