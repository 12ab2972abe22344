"""Read by every Airflow process at its start.

Tasks run in processes forked from the scheduler: what it has imported they need not import again, a second saved on
each. The other processes stay light. (polars stays out: its threads do not survive a fork.)
"""

import importlib
import sys

PRELOADED = ("pandas", "pyarrow", "pyarrow.csv", "pandera.pandas", "psycopg", "paramiko", "jinja2", "psutil")

if "scheduler" in sys.argv[1:2]:
    for name in PRELOADED:
        importlib.import_module(name)
