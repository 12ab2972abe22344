"""A line to a server that is slow, or that breaks after so many bytes: a real socket between two real programs."""

from __future__ import annotations

import contextlib
import socket
import threading
import time


class BadLine:
    """Listens on a free port of this machine and passes on what comes.

    Args:
        to: the server's port.
        delay_s: waited before each piece, each way.
        most_bytes: what a connection carries from the server before both ends of it are cut (0: any).
    """

    def __init__(self, to: int, *, delay_s: float = 0.0, most_bytes: int = 0) -> None:
        self._to, self._delay_s, self.most_bytes = to, delay_s, most_bytes
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self.broken = 0

    def __enter__(self) -> BadLine:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._carry, args=(near, far, 0), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, self.most_bytes), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, most: int) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(16_384):
                time.sleep(self._delay_s)
                carried += len(piece)
                if most and carried > most:
                    self.broken += 1
                    break
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
                end.close()
