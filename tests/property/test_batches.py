"""The stories of the registry, played as the DAGs do: files taken together, integrated in batches, answered meanwhile.

The twin knows nothing of batches. What it tells of a pass file by file is what a batch must come to.
"""

import dataclasses
import os
from datetime import date
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, example, given, settings
from property import told
from property.sequences import Pass, stories
from property.test_registry import compare

from loaders.settings import Settings
from pipelines import batches


class InBatches:
    """A registry whose passes are those of the DAGs; all else is as ever."""

    def __init__(self, bench: Any) -> None:
        self._bench = bench

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bench, name)

    def run(self, today: date | None = None) -> Any:
        bench = self._bench
        settings = dataclasses.replace(bench.settings, today=today or bench.today)
        with patch.object(Settings, "load", classmethod(lambda cls, *_: settings)):
            batches.take(0)
            for group in batches.plan().values():
                # As small as they come: two files a batch.
                for batch in group:
                    for at in range(0, len(batch), 2):
                        batches.integrate_batch(batch[at : at + 2])
            assert not batches.plan()["declarers"] + batches.plan()["others"]
        return bench.run(today=today)


def test_stories_in_batches_end_as_the_twin_tells(registry: Any) -> None:
    @settings(
        max_examples=8,
        deadline=None,
        derandomize="HYPOTHESIS_EXPLORE" not in os.environ,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(stories())
    @example(told.CORRECTIONS)
    @example(told.LATE_REFERENCES)
    def check(story: list[Pass]) -> None:
        compare(InBatches(registry), story)

    check()
    registry.verify()
