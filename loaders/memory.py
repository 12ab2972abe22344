"""A process that holds the registry's key leaves no image of its memory behind."""

from __future__ import annotations

import resource


def no_dumps() -> None:
    """Let this process and those it starts write no core file, whatever kills them.

    One byte, not none: the kernel hands a dump to a program (``core_pattern`` with a pipe) under a limit of none, and
    not under this one. The hard limit stays: whoever must see a dump can ask for it by hand.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))
