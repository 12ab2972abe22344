"""Random kills of the real process, life after life: each ends as the quiet one did.

``python -m bench.faults [--kills 1000] [--seed 1]``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import crash_world
from nursery import Nursery

from loaders.services import running
from loaders.settings import Settings

RESULTS = Path(__file__).parent / "results"
#: Kills of a step that a machine gives again by itself, at most; a person's command dies once at most.
MOST = 6


def lives(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """Live until so many kills came about; the differences from the quiet end, by life."""
    rng = random.Random(seed)
    settings = Settings.load({"SISERI_HOME": str(folder / "home")})
    points: Counter[str] = Counter()
    differing: list[tuple[int, list[str]]] = []
    done = 0
    began = time.perf_counter()
    with running(settings), Nursery(folder / "nursery") as nursery:
        world = crash_world.World(settings, nursery, folder)
        expected, passed = crash_world.quiet(world)
        steps = world.plan()

        def crashes(at: int, reference: tuple[str, ...]) -> list[str]:
            """Points and passages drawn from all that the step passes, so that busy places are met more often."""
            count = min(rng.randint(0, MOST), len(reference))
            places = sorted(rng.sample(range(len(reference)), min(count, 1) if steps[at].person else count))
            # After a kill what was done is not done again: the passage is that of what is left.
            return [f"{reference[place]}:{1 + rng.randrange(2)}" for place in places]

        while done < kills:
            end, died = crash_world.crashed(world, crashes, passed)
            done += len(died)
            points.update(one.partition(":")[0] for one in died)
            if found := end.differences(expected):
                differing.append((done, found))
            print(f"{done} kills, {len(differing)} lives end differently", flush=True)
    return {
        "kills": done,
        "seed": seed,
        "points": len(points),
        "differing": differing,
        "by_point": dict(points.most_common()),
        "seconds": round(time.perf_counter() - began),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def main() -> int:
    """Run, print, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        figures = lives(told.kills, told.seed, Path(folder))
    print(json.dumps(figures, indent=1))
    (RESULTS / "faults.json").write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if figures["differing"] else 0


if __name__ == "__main__":
    sys.exit(main())
