"""Verification: the registry's invariants judged, and what was found kept, so that a night's outcome can be read."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from psycopg.types.json import Jsonb

import sql
from loaders.registry import Registry, opened
from loaders.settings import Settings
from pipelines.verify import Finding, verify

log = logging.getLogger("siseri.verification")

#: Between two looks, where an invariant does not hold: a file may just be under way.
PAUSE_S = 120.0


def verified(registry: Registry, settings: Settings) -> list[Finding]:
    """Judge every invariant and keep the outcome; ``registry`` is opened as the analyst."""
    began = datetime.now(UTC)
    findings = list(verify(registry.connection, settings))
    held = sum(one.held for one in findings)
    told = (began, held, len(findings) - held, Jsonb([one.as_json() for one in findings]))
    with registry.connection.transaction():
        registry.connection.execute(sql.query("operation", "keep_verification"), told)
    log.info("verification: %s invariants hold, %s do not", held, len(findings) - held)
    return findings


def renew(pause_s: float = PAUSE_S) -> dict[str, int]:
    """Verify, once more where something does not hold: a task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings, sftp=False, profile="analyst") as registry:
        findings = verified(registry, settings)
        if not all(one.held for one in findings):
            time.sleep(pause_s)
            findings = verified(registry, settings)
    held = sum(one.held for one in findings)
    return {"held": held, "broken": len(findings) - held}
