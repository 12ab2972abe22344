"""Whole stories on the real warehouse against the naive twin: deposits, passes, the queue, follow-ups, current doses.

Every story has its own senders, people and establishments (`World`), so all of them share one warehouse.
"""

import os
from collections import Counter
from datetime import date
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings, target
from property import told
from property.sequences import Pass, World, stories
from twin.ledger import WAITING, Line
from twin.registry import TwinRegistry

SALTS = count(1)
REFUSED = {"REFUSE", "DEJA_RECU"}


def compare(registry: Any, story: list[Pass]) -> TwinRegistry:
    """Play one story on both sides and compare after every pass; returns the twin as it ends."""
    world = World(next(SALTS))
    twin = TwinRegistry(list(world.partners.values()))
    for partner in [world.partners[slot] for slot in sorted({one.sender for step in story for one in step.deposits})]:
        registry.partner(partner.code, partner.role, partner.sirens, partner.identifiant)
    codes = {partner.code for partner in world.partners.values()}
    files: list[tuple[str, str]] = []
    for step in story:
        for deposit in step.deposits:
            sender = world.partners[deposit.sender].code
            files.append((sender, f"f{len(files):03d}.csv"))
            data = world.bytes_of(deposit)
            twin.deposit(sender, files[-1][1], data)
            registry.drop(sender, files[-1][1], data)
        twin.run(step.day)
        registry.run(today=step.day)
        compare_pass(registry, twin, files, codes, step.day)
    return twin


def compare_pass(registry: Any, twin: TwinRegistry, files: list[tuple[str, str]], codes: set[str], day: date) -> None:
    for sender, name in files:
        expected = twin.submission(sender, name)
        where = f"{sender}/{name} ({expected.format}) on {day}"
        report = registry.report(sender, name)
        assert report is not None, f"no report: {where}"
        assert summary(report) == summary(expected.first), where
        if report["statut"] in REFUSED:
            continue
        told = [(outcome, sorted(found)) for outcome, found in registry.rows(sender, name)]
        assert told == [(outcome, sorted(found)) for outcome, found in twin.rows(sender, name)], where
        changes = Counter(change for follow_up in registry.follow_ups(sender, name) for change in changes_of(follow_up))
        assert changes == Counter((line, before, after) for line, before, after, _ in expected.changes), where
    queue = sorted(
        (entry["emetteur"], entry["ligne"], frozenset(entry["codes"]) & WAITING)
        for entry in registry.queue()
        if entry["emetteur"] in codes
    )
    assert queue == sorted((sender, line, waits) for sender, _, line, waits in twin.queue())
    ours = {registry.submission(sender, name): (sender, name) for sender, name in files}
    doses = {(*dose[:6], *ours[dose[7]], dose[8]) for dose in registry.doses() if dose[7] in ours}
    doses |= {(*dose[:6], *ours[dose[6]], dose[7]) for dose in further_results(registry) if dose[6] in ours}
    assert doses == {dose_of(line) for line in twin.current}
    assert periods_of(registry, {siret for _, siret in twin.attachments}) == {
        (nir, siret, period.start, period.end)
        for (nir, siret), attachment in twin.attachments.items()
        for period in attachment.periods
    }


def dose_of(line: Line) -> tuple[Any, ...]:
    """A current result: format, NIR, SIRET, quantity or nuclide, end, value in µSv (nBq), and where it came from."""
    values = line.values
    assert line.end is not None
    moment = values["DATE_FIN_PORT"] if line.format == "OPERATIONNELLE" else line.end
    end = moment.isoformat(*([" ", "minutes"] if line.format == "OPERATIONNELLE" else []))
    sent = values["ACTIVITE"] if line.format == "INTERNE" else values["VALEUR"]
    value = None if sent is None else int(sent * (10**9 if line.format == "INTERNE" else 1000))
    what = values.get("TYPE_MESURE", values.get("RADIONUCLEIDE"))
    return (line.format, values["NIR"], values["SIRET"], what, end, value, *_place(line))


def _place(line: Line) -> tuple[str, str, int]:
    return (line.sender.code, line.submission.name, line.line)


FURTHER = """
    select d.format, d.worker_id, e.siret, d.what, d.end_day::text, d.value, d.submission_id, d.line
    from (
        select 'INTERNE' as format, worker_id, establishment_id, nuclide as what, end_day, activity_nbq as value,
            submission_id, line from dose.internal where until_load is null
        union all
        select 'ENGAGEE', worker_id, establishment_id, nuclide, end_day, value_usv, submission_id, line
        from dose.committed where until_load is null
        union all
        select 'NAVIGANT', worker_id, establishment_id, null, end_day, value_usv, submission_id, line
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


def test_stories_end_as_the_twin_tells(registry: Any) -> None:
    @settings(
        max_examples=25,
        deadline=None,
        derandomize="HYPOTHESIS_EXPLORE" not in os.environ,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )
    @given(stories())
    @example(told.CLASSES_AND_NAMES)
    @example(told.CORRECTIONS)
    @example(told.LATE_REFERENCES)
    @example(told.DEPARTURES)
    @example(told.RESULTS_OF_ALL_KINDS)
    def law(story: list[Pass]) -> None:
        twin = compare(registry, story)
        settled = {line.outcome for one in twin.submissions for line in one.lines if line.codes}
        target(float(len(settled) + sum(len(one.changes) for one in twin.submissions)))

    law()
