"""A parent of ``siseri`` processes that has imported everything, so that each starts in milliseconds and not seconds.

Each command is a process of its own, forked, that runs the console script's own ``main``; it reads its settings and
``SISERI_CRASH`` from the environment it is given, as a fresh one would. ``Nursery`` is the side of the tests.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class End:
    """How a process ended or stopped: its exit status, or minus the signal; what it wrote; the points it passed; the
    most memory it held.
    """

    status: int
    out: str = ""
    err: str = ""
    passed: tuple[str, ...] = field(default=())
    stopped: int | None = None
    peak_mb: float = 0.0

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL


class Nursery:
    """Runs ``siseri`` with an environment, to its end, to a crash point, or until some seconds passed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SISERI_")}
        self._parent = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=kept, cwd=ROOT,
        )  # fmt: skip

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._parent.stdin
        self._parent.stdin.close()
        self._parent.wait(timeout=30)

    def run(self, env: dict[str, str], *words: str, trace: bool = False, kill_after: float | None = None) -> End:
        """One command. ``trace`` notes the crash points passed; ``kill_after`` sends SIGKILL after so many seconds."""
        return self._ask(env=env, words=[str(word) for word in words], trace=trace, kill_after=kill_after)

    def go_on(self) -> End:
        """Let the process that stopped at a point go on to its end."""
        return self._ask(go_on=True)

    def kill(self) -> End:
        """SIGKILL to the process that stopped at a point."""
        return self._ask(kill=True)

    def _ask(self, **asked: Any) -> End:
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps(asked) + "\n")
        self._parent.stdin.flush()
        told = json.loads(self._parent.stdout.readline())
        texts = [(self._folder / name).read_text(errors="replace") for name in ("out", "err")]
        passed = self._folder / "passed"
        points = tuple(passed.read_text().split("\n")[:-1]) if asked.get("trace") else ()
        return End(told["status"], *texts, points, told["stopped"], told["peak_mb"])


def _child(asked: dict[str, Any], folder: Path) -> None:
    """The command itself; never returns."""
    for name, number in (("out", 1), ("err", 2)):
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    os.environ.update(asked["env"])
    sys.argv = ["siseri", *asked["words"]]
    import cli.main
    from loaders import crash, errors

    try:
        importlib.reload(crash)
    except errors.UsageError as error:
        print(f"siseri: {error}", file=sys.stderr, flush=True)
        os._exit(2)
    if asked["trace"]:
        note = os.open(folder / "passed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        crash.reach = lambda point: [os.write(note, f"{point}\n".encode()), None][1]
    cli.main.main()


def _wait(pid: int, kill_after: float | None) -> dict[str, float | None]:
    """The end of a child, or its stop."""
    limit = None if kill_after is None else time.monotonic() + kill_after
    while True:
        done, status, used = os.wait4(pid, os.WUNTRACED | (0 if limit is None else os.WNOHANG))
        peak = round(used.ru_maxrss / 1e3, 1)
        if done and os.WIFSTOPPED(status):
            return {"status": 0, "stopped": pid, "peak_mb": peak}
        if done:
            return {"status": os.waitstatus_to_exitcode(status), "stopped": None, "peak_mb": peak}
        if limit is not None and time.monotonic() > limit:
            os.kill(pid, signal.SIGKILL)
            limit = None
        time.sleep(0.002)


def main() -> None:
    """Import all that a command may need, then fork one a line."""
    folder = Path(sys.argv[1])
    sys.path.insert(0, str(ROOT))
    for name in (
        *("cli.main", "cli.queue_commands", "loaders.registry", "pipelines.sweep", "pipelines.legacy.run"),
        *("pipelines.legacy.reconcile", "pipelines.legacy.decide", "pipelines.standing", "pipelines.unusual"),
        *("pipelines.verify", "pipelines.deposit", "loaders.postgres_server", "reports.annual", "xlsxwriter", "typst"),
    ):
        importlib.import_module(name)
    gc.freeze()
    pid = 0
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("go_on") or asked.get("kill"):
            os.kill(pid, signal.SIGCONT if asked.get("go_on") else signal.SIGKILL)
        else:
            pid = os.fork()
            if pid == 0:
                try:
                    _child(asked, folder)
                finally:
                    os._exit(70)
        print(json.dumps(_wait(pid, asked.get("kill_after"))), flush=True)


if __name__ == "__main__":
    main()
