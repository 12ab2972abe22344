"""Work ahead: the next item is made in a thread while the present one is used.

Most of what a chunk costs is spent outside the interpreter (Arrow, numpy, waiting for the database), so
two stages of the corridor share two cores well.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """What the thread leaves last: nothing, or the exception that ended it."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterable[Item]) -> Iterator[Item]:
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
