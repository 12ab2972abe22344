"""Match: who and where, for rows of measures and references; faults that only the registry can see."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.check import Checked
from pipelines.days import first_day, last_day
from pipelines.names import agree, fold
from pipelines.references import NEVER, Intervals, References, Sender
from schemas import codebook
from schemas.formats.common import ANNULS, SURVEILLED_ONLY_SINCE
from schemas.formats.designations import ROLES
from schemas.spec import Format

Ints = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: An attachment's period is widened by this on both sides before a wear period is held against it.
TOLERANCE_DAYS = 31


@dataclass(frozen=True)
class Matched:
    """By row: the worker's and the establishment's numbers (0 unknown), the places in the references
    (-1 not well formed), the attachment (-1 none). ``merged``: other numbers of the persons."""

    worker: Ints
    establishment: Ints
    nir_place: Ints
    siret_place: Ints
    attachment: Ints
    merged: dict[int, list[int]] = field(default_factory=dict)


def person_column(layout: Format) -> str | None:
    """The column that says whom a row is about, where there is one."""
    return next((name for name in ("NIA", "NIR") if layout.has(name)), None)


def named(checked: Checked) -> tuple[pa.StringArray, pa.StringArray]:
    """The distinct well-formed NIR and SIRET of a chunk."""
    found = []
    for names in (("NIR", "NIA"), ("SIRET",)):
        columns = [
            checked.values[name].filter(pa.array(checked.readable[name])) for name in names if name in checked.readable
        ]
        found.append(pc.unique(pa.concat_arrays(columns)) if columns else pa.array([], pa.string()))
    return found[0], found[1]


def match(
    layout: Format, checked: Checked, references: References, sender: Sender, cut: BoolArray | None = None
) -> Matched:
    """Resolve NIR and SIRET of a chunk and raise what the registry alone can tell.

    Args:
        cut: rows of fixed width, where a name that fills its places may go on; ``None`` for no row.

    Adds ``IDT-05`` to ``-11``, ``MET-06`` and ``AVT-10`` to ``checked.codes``. Annulments are judged on
    their key, NIR and SIRET only: of these they can get ``IDT-10``.
    """
    count = len(checked)
    whole = ~checked.carries(codebook.bit("FMT-01"))
    person = person_column(layout)
    nir_ok = checked.readable[person] & whole if person else whole
    if layout.name == "IDENTITES":  # a NIR in the place of the NIA names nobody
        nir_ok = nir_ok & ~checked.carries(codebook.bit("IDT-01"))
    siret_ok = checked.readable["SIRET"] & whole if layout.has("SIRET") else whole
    nir_place, siret_place = np.full(count, -1), np.full(count, -1)
    if person:
        nir_place = np.where(nir_ok, references.place_of_nir(checked.values[person]), -1)
    if layout.has("SIRET"):
        siret_place = np.where(siret_ok, references.place_of_siret(checked.values["SIRET"]), -1)
    worker = np.where(nir_place >= 0, _take(references.worker, nir_place), 0)
    establishment = np.where(siret_place >= 0, _take(references.establishment, siret_place), 0)
    attachment = np.full(count, -1)
    both = (worker > 0) & (establishment > 0)
    attachment[both] = references.attachment_of(worker[both], establishment[both])
    found = Matched(worker, establishment, nir_place, siret_place, attachment, references.merged)

    full = in_full(layout, checked)
    _perimeter(layout, checked, references, found, sender, siret_ok)
    judged = nir_ok & siret_ok & full
    if layout.has("SIRET"):
        checked.raise_code("IDT-05", judged & (establishment == 0))
    if layout.has("RPPS"):
        _physician(layout, checked, references, found, sender, full)
    if layout.considered is not None:
        closed = _take(references.closed_from, siret_place)
        dated = checked.readable[layout.considered]
        day = last_day(layout, checked, layout.considered)
        checked.raise_code("IDT-11", full & (establishment > 0) & dated & (day >= closed))
    if layout.name == "DESIGNATIONS":
        _designated_role(checked, sender, whole)
    if layout.measure is not None or layout.name in ("SORTIES", "IDENTITES"):
        checked.raise_code("IDT-06", judged & (worker == 0))
    if layout.measure is not None or layout.name == "SORTIES":
        checked.raise_code("IDT-07", judged & both & (attachment < 0))
    if layout.name == "SORTIES":
        _not_before_start(checked, references, found, judged & (attachment >= 0))
    if layout.measure is not None:
        if layout.has("NOM"):
            _names(layout, checked, references, found, judged & (worker > 0), cut)
        _periods(layout, checked, references, found, full & (attachment >= 0))
        _sender_designated(layout, checked, references, found, sender, full & whole & (establishment > 0))
    return found


def _take(values: Ints, at: Ints) -> Ints:
    if not len(values):
        return np.zeros(len(at), np.int64)
    return values[np.clip(at, 0, None)]


def _perimeter(
    layout: Format, checked: Checked, references: References, found: Matched, sender: Sender, siret_ok: BoolArray
) -> None:
    """``IDT-10``: an employer's own SIREN; for advisers and physicians (and whom these delegate to), establishments
    that designate them."""
    unnamed = sender.role == "MDT" and not sender.identifiant and layout.has("RPPS")  # the row's own RPPS is judged
    if sender.role in ("CRP", "MDT") and layout.considered is not None and not unnamed:
        rows = np.flatnonzero((found.establishment > 0) & checked.readable[layout.considered])
        day = last_day(layout, checked, layout.considered)[rows]
        covered = _covered(references.designated, found.siret_place[rows], day)
        if layout.name != "DESIGNATIONS":  # what a physician delegates is not delegated further
            covered |= _covered(references.delegated, found.siret_place[rows], day)
        outside = np.zeros(len(checked), bool)
        outside[rows] = ~covered
        checked.raise_code("IDT-10", outside)
    if sender.role != "EMPLOYEUR":
        return
    siren = pc.utf8_slice_codeunits(checked.values["SIRET"], 0, 9)
    own = pc.is_in(siren, value_set=pa.array(sorted(sender.sirens), pa.string()))
    checked.raise_code("IDT-10", siret_ok & ~np.asarray(own.to_numpy(zero_copy_only=False)))


def in_full(layout: Format, checked: Checked) -> BoolArray:
    """Rows judged on all their columns: neither malformed nor annulments."""
    full = ~checked.carries(codebook.bit("FMT-01"))
    if layout.measure is not None:
        full &= ~(checked.readable["CODE_METROLOGIE"] & (checked.values["CODE_METROLOGIE"] == ANNULS))
    return full


def other_physician(checked: Checked, sender: Sender, full: BoolArray) -> None:
    """``FMT-05``: a physician's row under another RPPS than the account's, where the account has one."""
    if sender.role != "MDT" or not sender.identifiant:
        return
    rows = np.flatnonzero(full & checked.readable["RPPS"])
    numbers = checked.values["RPPS"].take(pa.array(rows)).to_pylist()
    other = np.zeros(len(checked), bool)
    other[rows] = [number != sender.identifiant for number in numbers]
    checked.raise_code("FMT-05", other)


def _physician(
    layout: Format, checked: Checked, references: References, found: Matched, sender: Sender, full: BoolArray
) -> None:
    """``FMT-05``: another physician's RPPS; ``IDT-10``: one whom the establishment does not designate that day."""
    other_physician(checked, sender, full)
    if layout.considered is None:
        return
    rows = np.flatnonzero(full & checked.readable["RPPS"])
    numbers = checked.values["RPPS"].take(pa.array(rows)).to_pylist()
    day = last_day(layout, checked, layout.considered)
    dated = checked.readable[layout.considered] & (found.establishment > 0)
    outside = np.zeros(len(checked), bool)
    for row, number in zip(rows.tolist(), numbers, strict=True):
        spans = references.physicians.get((int(found.siret_place[row]), number), ())
        outside[row] = dated[row] and not any(start <= day[row] <= end for start, end in spans)
    checked.raise_code("IDT-10", outside)


def _not_before_start(checked: Checked, references: References, found: Matched, judged: BoolArray) -> None:
    """``MET-01``: a departure before the start of the attachment's last period."""
    rows = np.flatnonzero(judged & checked.readable["DATEFIN"])
    last = references.periods.in_force(found.attachment[rows], np.full(len(rows), NEVER))
    before = np.zeros(len(checked), bool)
    before[rows] = (last >= 0) & (checked.values["DATEFIN"][rows] < _take(references.periods.start, last))
    checked.raise_code("MET-01", before)


def _designated_role(checked: Checked, sender: Sender, whole: BoolArray) -> None:
    """Employers designate every role but PST, physicians PST only, the registry's staff all."""
    physician = ROLES.index("PST")
    role, readable = checked.values["ROLE"], checked.readable["ROLE"] & whole
    if sender.role == "EMPLOYEUR":
        checked.raise_code("IDT-10", readable & (role == physician))
    elif sender.role == "MDT":
        checked.raise_code("IDT-10", readable & (role != physician))


def _names(
    layout: Format,
    checked: Checked,
    references: References,
    found: Matched,
    judged: BoolArray,
    cut: BoolArray | None,
) -> None:
    judged = judged & checked.readable["NOM"] & checked.readable["PRENOM"]
    rows = np.flatnonzero(judged)
    if not len(rows):
        return
    place = pa.array(found.nir_place[rows])
    sent_last, sent_first = (_folded(checked.values[name].take(pa.array(rows))) for name in ("NOM", "PRENOM"))
    known_last, known_first = references.last_name.take(place), references.first_name.take(place)
    same = pc.and_(pc.equal(sent_last, known_last), pc.equal(sent_first, known_first))
    for at in np.flatnonzero(~np.asarray(same.to_numpy(zero_copy_only=False))):
        names = [one[at].as_py() for one in (sent_last, sent_first, known_last, known_first)]
        if cut is not None and cut[rows[at]]:
            names[:2] = _whole(layout, checked, rows[at], names)
        if not agree(*names):
            checked.raise_at("IDT-08", int(rows[at]))


def _whole(layout: Format, checked: Checked, row: int, names: list[str]) -> list[str]:
    """The sent names of a fixed-width row, each gone on with as known where it fills its places."""
    whole = []
    for name, sent, known in zip(("NOM", "PRENOM"), names[:2], names[2:], strict=True):
        first, last = layout.column(name).position or (1, 0)
        filled = len(checked.values[name][int(row)].as_py()) == last - first + 1
        whole.append(known if filled and known.startswith(sent) else sent)
    return whole


def _folded(names: pa.StringArray) -> pa.StringArray:
    encoded = names.dictionary_encode()
    folded = pa.array([fold(name) for name in encoded.dictionary.to_pylist()], pa.string())
    return folded.take(encoded.indices)


def _periods(layout: Format, checked: Checked, references: References, found: Matched, judged: BoolArray) -> None:
    """``IDT-09`` and ``MET-06``: the wear period against the attachment's periods and statuses."""
    assert layout.measure is not None
    start_name, end_name = layout.measure.start, layout.measure.end
    dated = judged & checked.readable[end_name]
    rows = np.flatnonzero(dated & checked.readable[start_name])
    start, end = first_day(layout, checked, start_name), last_day(layout, checked, end_name)
    periods = references.periods

    def inside(fact: Ints, among: Ints) -> BoolArray:
        begun = start[rows[among]] >= periods.start[fact] - TOLERANCE_DAYS
        return np.asarray(begun & (end[rows[among]] <= periods.end[fact] + TOLERANCE_DAYS))

    outside = np.zeros(len(checked), bool)
    outside[rows] = ~periods.any(found.attachment[rows], inside)
    checked.raise_code("IDT-09", outside)

    rows = np.flatnonzero(dated & (end >= SURVEILLED_ONLY_SINCE))
    status = references.statuses.in_force(found.attachment[rows], end[rows])
    surveilled = np.where(status >= 0, _take(references.statuses.what, status), 1)
    unsurveilled = np.zeros(len(checked), bool)
    unsurveilled[rows] = surveilled == 0
    checked.raise_code("MET-06", unsurveilled)


def _sender_designated(
    layout: Format,
    checked: Checked,
    references: References,
    found: Matched,
    sender: Sender,
    judged: BoolArray,
) -> None:
    """``AVT-10``: the body or operator is not designated at the end of the period."""
    assert layout.measure is not None
    rows = np.flatnonzero(judged & checked.readable[layout.measure.end])
    end = last_day(layout, checked, layout.measure.end)
    external = layout.name == "OPERATIONNELLE" and sender.role in ("EMPLOYEUR", "CRP")
    bodies = (("OA", "PASSIVE"), ("OA", "INTERNE"), ("EXPLOITANT", "OPERATIONNELLE"))
    own = (sender.role, layout.name) in bodies
    if not (own or external) or not len(rows):
        return
    facts = references.operators if external else references.designated
    covered = _covered(facts, found.siret_place[rows], end[rows])
    warned = np.zeros(len(checked), bool)
    warned[rows] = covered if external else ~covered
    checked.raise_code("AVT-10", warned)


def _covered(facts: Intervals, owner: Ints, day: Ints) -> BoolArray:
    """Whether a designation of the owner is in force on the day, row by row."""

    def covers(fact: Ints, among: Ints) -> BoolArray:
        return np.asarray((facts.start[fact] <= day[among]) & (day[among] <= facts.end[fact]))

    return facts.any(owner, covers)
