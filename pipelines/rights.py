"""The rights of the database against those that are declared (``schemas/data/droits.csv``)."""

from __future__ import annotations

from loaders import rights
from loaders.warehouse import Connection
from schemas.access import NAMES, PUBLIC, lines


def differences(connection: Connection) -> list[str]:
    """What the profiles hold and should not, or should and do not hold: profile, right, object.

    Objects that are not the software's (another tenant of the database) count where a profile has a right on them.
    """
    cursor = connection.cursor()
    held, _ = rights.held(cursor)
    known = {line.name for line in lines()}
    mine = {one for one in held if one[2] in NAMES or (one[0] in known and one[2] == PUBLIC)}
    others = {one for one in held - mine if one[0] in known}
    declared = rights.declared()
    found = [f"{role} : {letter or kind} en trop sur {name}" for name, kind, role, letter, _ in mine - declared]
    found += [f"{role} : {letter or kind} en trop sur {name}" for name, kind, role, letter, _ in others]
    found += [f"{role} : {letter or kind} manque sur {name}" for name, kind, role, letter, _ in declared - held]
    found += [f"{role} : {what}" for role, what in rights.powers(cursor)]
    for parent, role, word in rights.on_partitions(cursor):
        if (parent.partition(".")[0], role.endswith("_loader"), word) != ("dose", True, "INSERT"):
            found.append(f"{role} : {word} sur une partition de {parent}")
    return sorted(found)
