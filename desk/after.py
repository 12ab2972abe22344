"""What follows a decision, outside the analyst's request: rows set free, follow-ups, lists and questions delivered.

One thread works at a time, and what is asked meanwhile is done in its next round. Nothing is lost where it fails or
the server ends: what is owed stays owed in the warehouse, and the DAGs deliver it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from loaders.registry import depots, opened
from loaders.settings import Settings
from pipelines.aftermath import follow_through
from pipelines.isolate import told

log = logging.getLogger("siseri.desk")


class Aftermath:
    """The desk's errand boy; every method may be called from any thread.

    Args:
        settings: gives the settings of the registry, opened already.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._owed: list[bool] = []
        self._thread: threading.Thread | None = None

    def owe(self, *, references: bool = False) -> None:
        """Have it done soon. ``references``: references came in, that other rows may wait for."""
        with self._lock:
            self._owed.append(references)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="siseri-suites", daemon=True)
                self._thread.start()

    def wait(self, limit_s: float = 30) -> None:
        """Until nothing is under way, for so long at most."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(limit_s)

    def _work(self) -> None:
        while True:
            with self._lock:
                owed, self._owed = self._owed, []
                if not owed:
                    self._thread = None
                    return
            self._round(any(owed))

    def _round(self, references: bool) -> None:
        try:
            settings = self._settings()
            with opened(settings) as registry, depots(registry) as client:
                done = follow_through(client, registry.connection, settings, registry.key, references=references)
        except Exception as error:  # noqa: BLE001 - logged without its message; what is owed stays owed
            log.error("after a decision: %s", told(error))
            return
        if done.troubles:
            log.warning("after a decision: %s troubles", len(done.troubles))
