"""Where the database holds what hangs on the registry's key; a test holds this list against the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A column of sealed values.

    Attributes:
        table: qualified name.
        column: the sealed column; nulls are left alone.
        keys: the primary key, name and type, by which rows are gone through. What loads write later lies behind, or
            is sealed under the new key already.
    """

    table: str
    column: str
    keys: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"


_ENTRY = (("entry_id", "integer"),)
_STANDING = (("standing_id", "integer"),)
_REPAIR = (("repair_id", "bigint"),)

#: Every column that holds sealed values.
SEALED = (
    Place("identity.identifier", "sealed", (("fingerprint", "uuid"), ("since_load", "integer"))),
    Place("queue.entry", "sealed", _ENTRY),
    Place("queue.decision", "value_sealed", (("decision_id", "integer"),)),
    Place("queue.decision_entry", "sealed_before", (("decision_id", "integer"), *_ENTRY)),
    Place("queue.message", "sealed", (("message_id", "integer"),)),
    Place("queue.standing", "from_sealed", _STANDING),
    Place("queue.standing", "to_sealed", _STANDING),
    Place("exposure.conclusion", "remark", (("exceedance_id", "integer"), ("since_load", "integer"))),
    Place("exposure.notice", "sealed", (("notice_id", "integer"),)),
    Place("rights.request", "sealed", (("request_id", "integer"),)),
    Place("legacy.worker", "sealed", (("migration_id", "integer"), ("old_id", "bigint"))),
    Place("legacy.repair", "before", _REPAIR),
    Place("legacy.repair", "after", _REPAIR),
    Place("legacy.waiting", "sealed", (("entry_id", "bigint"),)),
)

#: Every column of keyed fingerprints, and the query of the exchange that renews it. ``cause_person`` of an entry
#: follows its ``person``; the mark of the notices is forgotten and made anew.
PRINTS = {
    "identity.identifier.fingerprint": "exchange_identifiers",
    "queue.entry.person": "exchange_entries",
    "queue.entry.cause_person": "exchange_entries",
    "queue.cause.cause_person": "exchange_causes",
    "queue.decision_entry.person_before": "exchange_decisions",
    "queue.standing.from_person": "exchange_standing",
    "rights.request.person": "exchange_requests",
    "exposure.notice.digest": "exchange_notices",
    "exposure.telling.accounts": "exchange_mark",
}
