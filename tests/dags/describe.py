"""Run in a process of its own with Airflow's environment: prints what the project's DAGs are, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import BundleDagBag


def main() -> None:
    """Load the DAG folder given and print each DAG's tasks."""
    folder = Path(sys.argv[1])
    bag = BundleDagBag(folder, bundle_path=folder, bundle_name="dags-folder")
    print(
        json.dumps(
            {
                "errors": bag.import_errors,
                "dags": {
                    name: {
                        task.task_id: {
                            "pool": task.pool,
                            "retries": task.retries,
                            "down": sorted(task.downstream_task_ids),
                        }
                        for task in dag.tasks
                    }
                    for name, dag in bag.dags.items()
                },
            }
        )
    )


if __name__ == "__main__":
    main()
