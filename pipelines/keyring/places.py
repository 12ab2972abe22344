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

#: Columns that hold a person's fingerprint as it is: what stands for the old one takes its place.
FINGERPRINTS = (
    "identity.identifier.fingerprint",
    "queue.entry.person",
    "queue.cause.cause_person",
    "queue.decision_entry.person_before",
    "queue.standing.from_person",
    "rights.request.person",
)
#: Every column that hangs on the key otherwise than by a seal. ``cause_person`` of an entry follows its ``person``; a
#: notice's digest is reckoned anew from what it says; the mark of the notices is forgotten and made anew.
PRINTS = (*FINGERPRINTS, "queue.entry.cause_person", "exposure.notice.digest", "exposure.telling.accounts")
