"""Work ahead and behind: the next item is made, and the last one put away, while the present one is used.

Most of what a chunk costs is spent outside the interpreter (Arrow, numpy, waiting for the database), so
three stages of the corridor share two cores well: the database's and this process's.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """What the thread leaves last: nothing, or the exception that ended it."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterable[Item]) -> Generator[Item]:
    """The same items in the same order, at most two made before they are asked for.

    An exception of the source is raised where its item would have come. Leaving early stops the source.
    """
    made: queue.Queue[Item | _End] = queue.Queue(maxsize=1)
    stop = threading.Event()

    def put(item: Item | _End) -> bool:
        while not stop.is_set():
            try:
                made.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as failure:  # noqa: BLE001 - handed to the consumer
            error = failure
        put(_End(error))

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = made.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stop.set()
        thread.join()


class Behind:
    """A thread that does one piece of work at a time; leaving waits for the last one.

    A failure of the work is raised where it is waited for. It comes before whatever fails meanwhile in the user's own
    thread: that is mostly its consequence (a transaction that is lost).
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait()

    def wait(self) -> None:
        """Wait until nothing is under way. Raises what the work raised."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def do(self, work: Callable[[], None]) -> None:
        """Begin this work, once the one before is done. Raises what that one raised."""
        self.wait()

        def run() -> None:
            try:
                work()
            except BaseException as failure:  # noqa: BLE001 - handed to whoever waits
                self._failure = failure

        self._thread = threading.Thread(target=run, name="behind", daemon=True)
        self._thread.start()
