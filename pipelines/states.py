"""States of exceedances: which there are, what each allows, and the one way in which they are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sql
from loaders.bulk import Cursor

DETECTED, NOTIFIED, LAPSED, INHERITED, RETAINED = "DETECTE", "NOTIFIE", "CADUC", "REPRISE", "RETENU_PAR_DEFAUT"
#: What a physician's conclusion makes of an exceedance.
BY_CONCLUSION = {"MAINTENUE": "MAINTENU", "MODIFIEE": "MODIFIE", "ANNULEE": "ANNULE"}
STATES = (DETECTED, NOTIFIED, *BY_CONCLUSION.values(), RETAINED, LAPSED, INHERITED)
#: May still be concluded upon. What was retained by default gives way to a physician's word, however late.
OPEN = frozenset({DETECTED, NOTIFIED, RETAINED})
#: States that detection alone enters, and moves between.
FOUND = frozenset({DETECTED, INHERITED})
#: The physician changed the doses: such an exceedance does not lapse, and re-opens only above what was left standing.
ADJUSTED = frozenset({"MODIFIE", "ANNULE"})


def enter_states(cursor: Cursor, load: int, states: Sequence[tuple[int, str]], valid_from: date) -> None:
    """Let exceedances enter a state in this load; the state before ends with it.

    Args:
        states: (exceedance, state), an exceedance at most once in a load.
        valid_from: the registry's date from which the states are true.
    """
    if not states:
        return
    cursor.execute(sql.query("exceedances", "close_states"), (load, [number for number, _ in states]))
    cursor.executemany(
        sql.query("exceedances", "enter_state"), [(number, state, valid_from, load) for number, state in states]
    )
