"""How many requests one person may make of the desk: enough for the quickest analyst, too few for a script.

A bucket a person, filled evenly, in this process: with several API servers each has its own. It does not see who is not
signed in; a proxy before Airflow limits those by address (docs/security.md).
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

#: Persons remembered; the one not seen for longest is forgotten, whose bucket would be full by then.
_MOST = 10_000


class TooMany(Exception):
    """Too many requests; ``wait_s`` whole seconds until the next one is taken."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Limit:
    """At most ``per_minute`` requests a minute and person, a third of them at once.

    Args:
        per_minute: 0 for no limit.
        clock: seconds that only go forward.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_s = per_minute / 60
        self._burst = max(per_minute / 3, 1.0)
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, person: str) -> None:
        """Count one request. Raises TooMany where there is none left."""
        if not self._rate_s:
            return
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(person, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._rate_s)
            refused = left < 1
            self._left[person] = (left if refused else left - 1, now)
            if len(self._left) > _MOST:
                self._left.popitem(last=False)
        if refused:
            raise TooMany(math.ceil((1 - left) / self._rate_s))
