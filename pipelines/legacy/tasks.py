"""Tasks: what the DAG's steps do, as plain functions of a folder's name; counts only."""

from __future__ import annotations

from pathlib import Path

from loaders.errors import UsageError
from loaders.registry import opened
from loaders.settings import Settings
from pipelines.legacy import reconcile as figures
from pipelines.legacy.run import migrate


def _folder(settings: Settings, name: str) -> Path:
    folder = settings.home / "legacy" / name
    if "/" in name or name.startswith(".") or not folder.is_dir() or folder.is_symlink():
        raise UsageError("the form names a folder under legacy/ of the registry's home")
    return folder


def take(name: str) -> dict[str, int | str]:
    """Take the parts of a folder that were not taken yet."""
    settings = Settings.load()
    with opened(settings, sftp=False) as registry:
        done = migrate(registry, _folder(settings, name))
    return {"state": done.state, "parts": done.parts, "before": done.taken_before, "rows": done.rows}


def reconcile(name: str) -> dict[str, int | str]:
    """Write the reconciliation under ``reprise/<folder>`` of the home; raises RuntimeError where it does not close."""
    settings = Settings.load()
    _folder(settings, name)
    with opened(settings, sftp=False) as registry:
        result = figures.reconcile(registry.connection)
        figures.write(result, settings.folder("reprise", name))
    if not result.closes:
        raise RuntimeError("the registry does not hold what the migration's movements say")
    return {"lines": len(result.lines), "causes": len(result.causes)}
