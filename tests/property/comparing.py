"""The real registry told in the twin's words: what both are compared by."""

from typing import Any

from twin.ledger import OWN_KEYS, Line
from twin.registry import TwinRegistry

REFUSED = {"REFUSE", "DEJA_RECU"}


def compare_results(registry: Any, twin: TwinRegistry, files: list[tuple[str, str]]) -> None:
    """Current results and periods of attachment are the same on both sides."""
    ours = {registry.submission(sender, name): (sender, name) for sender, name in files}
    doses = registry.doses() | further_results(registry)
    doses = {(*dose[:7], *ours[dose[7]], dose[8]) for dose in doses if dose[7] in ours}
    assert doses == {dose_of(line) for line in twin.current}
    assert periods_of(registry, {siret for _, siret in twin.attachments}) == {
        (nir, siret, period.start, period.end)
        for (nir, siret), attachment in twin.attachments.items()
        for period in attachment.periods
    }


def dose_of(line: Line) -> tuple[Any, ...]:
    """A current result: format, NIR, SIRET, quantity or nuclide, end, µSv (nBq), key, and where it came from."""
    values = line.values
    assert line.end is not None
    moment = values["DATE_FIN_PORT"] if line.format == "OPERATIONNELLE" else line.end
    end = moment.isoformat(*([" ", "minutes"] if line.format == "OPERATIONNELLE" else []))
    sent = values["ACTIVITE"] if line.format == "INTERNE" else values["VALEUR"]
    value = None if sent is None else int(sent * (10**9 if line.format == "INTERNE" else 1000))
    what = values.get("TYPE_MESURE", values.get("RADIONUCLEIDE"))
    key = "/".join(values[column] for column in OWN_KEYS.get(line.format or "", ()))
    if line.format == "OPERATIONNELLE":
        key = f"{values['LIEU']}|{values['ZONE']}"
    return (line.format, values["NIR"], values["SIRET"], what, end, value, key, *_place(line))


def _place(line: Line) -> tuple[str, str, int]:
    return (line.sender.code, line.submission.name, line.line)


FURTHER = """
    select d.format, d.worker_id, e.siret, d.what, d.end_day::text, d.value, d.measure_id, d.submission_id, d.line
    from (
        select 'INTERNE' as format, worker_id, establishment_id, nuclide as what, end_day, activity_nbq as value,
            measure_id, submission_id, line from dose.internal where until_load is null
        union all
        select 'ENGAGEE', worker_id, establishment_id, nuclide, end_day, value_usv, measure_id, submission_id, line
        from dose.committed where until_load is null
        union all
        select 'NAVIGANT', worker_id, establishment_id, null, end_day, value_usv, measure_id, submission_id, line
        from dose.aircrew where until_load is null
    ) as d
    inner join reference.establishment as e on d.establishment_id = e.establishment_id
"""


def further_results(registry: Any) -> set[tuple[Any, ...]]:
    """Current analyses, committed and aircrew doses, as `dose_of` tells them, with the submission's number."""
    nirs = nirs_of(registry)
    return {(one[0], nirs[one[1]], *one[2:]) for one in registry.connection.execute(FURTHER).fetchall()}


def nirs_of(registry: Any) -> dict[int, str]:
    found = registry.connection.execute("select worker_id, sealed from identity.identifier where until_load is null")
    return {worker: registry.registry.key.open(sealed).decode() for worker, sealed in found.fetchall()}


def periods_of(registry: Any, sirets: set[str]) -> set[tuple[Any, ...]]:
    """(NIR, SIRET, first day, last day or None) of every period of attachment to these establishments."""
    nirs = nirs_of(registry)
    found = registry.connection.execute(
        "select a.worker_id, e.siret, p.start_day, p.end_day from reference.attachment_period as p"
        " inner join reference.attachment as a on p.attachment_id = a.attachment_id"
        " inner join reference.establishment as e on a.establishment_id = e.establishment_id"
        " where p.until_load is null and e.siret = any(%s)",
        (sorted(sirets),),
    )
    return {(nirs[worker], *rest) for worker, *rest in found.fetchall()}


def summary(report: dict[str, Any]) -> dict[str, Any]:
    doses = {kind: book for kind, book in report["doses_msv"].items() if any(float(value) for value in book.values())}
    return {"statut": report["statut"], "lignes": report["lignes"], "doses_msv": doses, "codes": report["codes"]}


def changes_of(follow_up: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(change["ligne"], change["avant"], change["apres"]) for change in follow_up["changements"]]
