"""The access matrix (contract, outcomes.md, "Who sees what"), cell by cell, by real connections of each profile.

Each case asks the access views themselves, not the statement: no report can show more than they do.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from access_world import DELEGATE, OPEN, VIEWS, Matrix
from psycopg import errors
from refusals import refused
from senders import (
    IDENTITES,
    NIA,
    NIR,
    NIR2,
    PASSIVE,
    RPPS,
    RPPS2,
    SIRET,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    dose,
    row,
)

from schemas.access import READERS
from schemas.identifiers import key_of

FUNCTIONS = {
    "exceedances": ("worker", "physician", "crp", "agent"),
    "contract_sums": ("crp",),
    "committed_spans": ("crp", "agent"),
    "conclusions": ("worker", "physician"),
}


@pytest.fixture
def matrix(registry: Any) -> Matrix:
    return Matrix(registry)


def test_the_worker_sees_all_of_himself_and_nobody_else(matrix: Matrix) -> None:
    seen = matrix.seen("TRAVAILLEUR")
    assert seen == {
        "person": {"MARTIN"}, "contract": {SIRET, SIRET2}, "passive": {1111, 2222}, "operational": {333},
        "aircrew": {444}, "internal": {"Cs-137"}, "committed": {5555},
    }  # fmt: skip
    assert matrix.seen("TRAVAILLEUR", own=NIR2) is None
    other = row(
        TRAVAILLEURS, NIR=NIR2, CLE=key_of(NIR2), NOM="ROSSI", PRENOM="ANNA", DATENAISSANCE="01/05/1984", SEXE="F"
    )
    matrix.send("EMPL", TRAVAILLEURS, other)
    assert matrix.seen("TRAVAILLEUR", own=NIR2) is None
    assert matrix.seen("TRAVAILLEUR", nir=NIR2, own=NIR2)["person"] == {"ROSSI"}  # type: ignore[index]


def test_the_employer_and_its_correspondent_see_who_works_there_and_no_dose(matrix: Matrix) -> None:
    assert matrix.seen("EMPLOYEUR", SIRET) == {"person": {"MARTIN"}, "contract": {SIRET}}
    assert matrix.seen("EMPLOYEUR", "73282932000090") is None
    assert matrix.seen("CES", "C1") is None
    matrix.designate("CES", "C1", "01/02/2026", "30/04/2026", SIRET2)
    assert matrix.seen("CES", "C1") == {"person": {"MARTIN"}, "contract": {SIRET2}}
    for day in (date(2026, 1, 31), date(2026, 5, 1)):
        assert matrix.seen("CES", "C1", day=day) is None


def test_the_physician_sees_the_whole_career_while_a_designation_lasts(matrix: Matrix) -> None:
    matrix.designate("MDT", RPPS2, "01/02/2026", "30/04/2026")
    seen = matrix.seen("MDT", RPPS2)
    assert seen is not None
    # Administrative data of the designating establishment; results of every employer.
    assert seen["contract"] == {SIRET}
    assert (seen["passive"], seen["committed"], seen["internal"]) == ({1111, 2222}, {5555}, {"Cs-137"})
    for day, opened in (
        (date(2026, 1, 31), False),
        (date(2026, 2, 1), True),
        (date(2026, 4, 30), True),
        (date(2026, 5, 1), False),
    ):
        assert (matrix.seen("MDT", RPPS2, day=day) is not None) == opened, day


def test_the_physician_needs_a_day_of_contract_under_the_designation(matrix: Matrix) -> None:
    matrix.send("EMPL", SORTIES, row(SORTIES, DATEFIN="31/03/2026"))
    matrix.designate("MDT", RPPS2, "01/04/2026")
    assert matrix.seen("MDT", RPPS2) is None
    assert matrix.seen("MDT", RPPS)["passive"] == {1111, 2222}  # type: ignore[index]
    # The same charge, taken up again after a break, opens whom it once followed.
    matrix.designate("MDT", RPPS2, "01/01/2021", "31/12/2021")
    assert matrix.seen("MDT", RPPS2) is not None
    assert matrix.seen("MDT", RPPS2, day=date(2026, 3, 31)) is None
    # A contract that has not begun opens nothing yet.
    other = row(
        TRAVAILLEURS, NIR=NIR2, CLE=key_of(NIR2), NOM="ROSSI", PRENOM="ANNA", DATENAISSANCE="01/05/1984", SEXE="F",
        DATEDEBUT="01/06/2026",
    )  # fmt: skip
    matrix.send("EMPL", TRAVAILLEURS, other)
    assert matrix.seen("MDT", RPPS, nir=NIR2) is None
    assert matrix.seen("MDT", RPPS, nir=NIR2, day=date(2026, 6, 1)) is not None


def test_a_person_of_the_physicians_service_acts_by_the_physicians_mandate(matrix: Matrix) -> None:
    matrix.designate("PST", DELEGATE, "01/02/2026")
    assert matrix.seen("PST", DELEGATE) == matrix.seen("MDT", RPPS)
    assert matrix.seen("PST", DELEGATE, day=date(2026, 1, 31)) is None
    assert matrix.seen("MDT", DELEGATE) is None
    matrix.designate("MDT", RPPS2, "01/01/2020")
    matrix.designate("MDT", RPPS, "01/01/2020", "31/03/2026")
    # The physician who delegated has left; the one who stays did not delegate.
    assert matrix.seen("PST", DELEGATE) is None
    assert matrix.seen("PST", DELEGATE, day=date(2026, 3, 31)) is not None


def test_the_adviser_sees_external_results_of_the_designating_establishment(matrix: Matrix) -> None:
    matrix.designate("CRP", "P1", "01/02/2026", "30/04/2026")
    assert matrix.seen("CRP", "P1") == {
        "person": {"MARTIN"}, "contract": {SIRET}, "passive": {1111}, "operational": {333}, "aircrew": {444},
    }  # fmt: skip
    for day in (date(2026, 1, 31), date(2026, 5, 1)):
        assert matrix.seen("CRP", "P1", day=day) is None
    assert matrix.seen("CRP", "P2") is None


def test_the_advisers_single_results_lie_within_the_contract_and_five_years(matrix: Matrix) -> None:
    old = {"DATE_DEBUT_PORT": "01/04/2021", "DATE_FIN_PORT": "10/04/2021"}
    older = {"DATE_DEBUT_PORT": "01/02/2020", "DATE_FIN_PORT": "29/02/2020"}
    within = {"DATE_DEBUT_PORT": "01/04/2021", "DATE_FIN_PORT": "11/04/2021"}
    matrix.send(
        "LABO1", PASSIVE, dose("V1", "0.010", **older), dose("V2", "0.020", **old), dose("V3", "0.030", **within)
    )
    matrix.designate("CRP", "P1")
    assert matrix.seen("CRP", "P1")["passive"] == {30, 1111}  # type: ignore[index]
    # What the wear periods of the contract touch is within; the tolerance of the matching is not.
    matrix.send("EMPL", SORTIES, row(SORTIES, DATEFIN="28/02/2026"))
    assert matrix.seen("CRP", "P1")["passive"] == {30}  # type: ignore[index]
    matrix.send("EMPL", SORTIES, row(SORTIES, DATEFIN="01/03/2026"))
    assert matrix.seen("CRP", "P1")["passive"] == {30, 1111}  # type: ignore[index]
    with matrix.ask("CRP", "P1") as reader:
        sums = reader.execute("select limited, usv, committed from access.contract_sums()").fetchall()
    # Sums over the whole contract, the older results in them; the intake of 12/03/2026 lies after it.
    assert sums == [("EFFICACE", 10 + 20 + 30 + 1111 + 444, False)]


def test_the_adviser_and_the_agent_learn_that_there_is_an_internal_dose_and_not_which(matrix: Matrix) -> None:
    matrix.designate("CRP", "P1")
    with matrix.ask("CRP", "P1") as reader:
        assert reader.execute("select usv, committed from access.contract_sums()").fetchall() == [(1555, True)]
        spans = {span for (span,) in reader.execute("select span from access.committed_spans()").fetchall()}
        assert spans == {"2026", "12_MOIS"}
    with matrix.ask("AGENT", "I1") as reader:
        spans = {span for (span,) in reader.execute("select span from access.committed_spans()").fetchall()}
        assert spans == {"2026", "12_MOIS"}


def test_the_control_agent_sees_everybody_but_nothing_internal(matrix: Matrix) -> None:
    assert matrix.seen("AGENT", "I1") == {
        "person": {"MARTIN"}, "contract": {SIRET, SIRET2}, "passive": {1111, 2222}, "operational": {333},
        "aircrew": {444},
    }  # fmt: skip
    assert matrix.seen("AGENT", "I1", nir=NIR2) is None


def test_what_a_conclusion_adjusted_beside_an_internal_dose_is_for_those_who_may_see_that_dose(matrix: Matrix) -> None:
    matrix.designate("CRP", "P1")
    with matrix.registry.registry.warehouse.admin() as admin:
        admin.execute("update dose.passive set adjusts = 1 where measure_id = 'P1'")
    assert matrix.seen("CRP", "P1")["passive"] == set()  # type: ignore[index]
    assert matrix.seen("AGENT", "I1")["passive"] == {2222}  # type: ignore[index]
    for who in (("TRAVAILLEUR", ""), ("MDT", RPPS)):
        assert matrix.seen(*who)["passive"] == {1111, 2222}  # type: ignore[index]
    with matrix.ask("CRP", "P1") as reader:
        assert reader.execute("select usv, committed from access.contract_sums()").fetchall() == [(444, True)]
    # An annulled intake was one all the same: the adjustment was reckoned with it.
    with matrix.registry.registry.warehouse.admin() as admin:
        admin.execute("update dose.committed set until_load = since_load")
    assert matrix.seen("CRP", "P1")["passive"] == set()  # type: ignore[index]
    with matrix.registry.registry.warehouse.admin() as admin:
        admin.execute("delete from dose.committed")
    assert matrix.seen("CRP", "P1")["passive"] == {1111}  # type: ignore[index]


def test_a_merged_person_is_one_for_every_reader(matrix: Matrix) -> None:
    matrix.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key_of(NIA), SIRET=SIRET2))
    matrix.send("LABO1", PASSIVE, dose("A1", "0.777", NIR=NIA, SIRET=SIRET2))
    assert matrix.seen("TRAVAILLEUR")["passive"] == {1111, 2222}  # type: ignore[index]
    matrix.send("ASNR", IDENTITES, row(IDENTITES))
    for nir in (NIR, NIA):
        assert matrix.seen("TRAVAILLEUR", nir=nir, own=NIR)["passive"] == {777, 1111, 2222}  # type: ignore[index]
        assert matrix.seen("AGENT", "I1", nir=nir)["passive"] == {777, 1111, 2222}  # type: ignore[index]
    matrix.designate("CRP", "P2", siret=SIRET2)
    assert matrix.seen("CRP", "P2")["passive"] == {777, 2222}  # type: ignore[index]


def test_an_establishment_s_ticket_shows_that_establishment_alone(matrix: Matrix) -> None:
    assert matrix.seen("MDT", RPPS, siret=SIRET)["passive"] == {1111}  # type: ignore[index]
    assert matrix.seen("MDT", RPPS, siret=SIRET2) is None
    assert matrix.seen("MDT", RPPS, siret="73282932000099") is None


@pytest.mark.parametrize("profile", [one.name for one in READERS])
def test_a_profile_reads_its_views_and_no_table(matrix: Matrix, profile: str) -> None:
    tables = matrix.registry.connection.execute(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('ledger', 'identity', 'reference', 'dose', 'queue', 'exposure', 'unusual', 'audit')"
        " and c.relkind in ('r', 'p', 'v')"
    ).fetchall()
    with matrix.registry.registry.warehouse.login(profile) as reader:
        for (table,) in [*tables, ("access.ticket",), ("siseri_registry",)]:
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute(f"select 1 from {table}")
        for view in VIEWS:
            if view in OPEN[profile]:
                assert reader.execute(f"select count(*) from access.{view}").fetchone() == (0,)
            else:
                with pytest.raises(errors.InsufficientPrivilege):
                    reader.execute(f"select 1 from access.{view}")
        for function, profiles in FUNCTIONS.items():
            if profile in profiles:
                assert reader.execute(f"select count(*) from access.{function}()").fetchone() == (0,)
            else:
                with pytest.raises(errors.InsufficientPrivilege):
                    reader.execute(f"select * from access.{function}()")
        for closed in (
            "select * from access.counted(1)",
            "select access.person_of(gen_random_uuid())",
            "select * from access.mandates('MDT', '10003456786', current_date)",
            "insert into access.ticket select * from access.shown()",
            "delete from access.person",
            "update access.contract set siret = ''",
            "select access.admit(null, 'AGENT', 'x', null, null, null, current_date, '', '', '')",
            f"set role {matrix.registry.connection.info.dbname}_keeper",
        ):
            with pytest.raises((errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)):
                reader.execute(closed)


def test_a_ticket_opens_for_its_own_profile_for_some_minutes(matrix: Matrix) -> None:
    warehouse = matrix.registry.registry.warehouse
    count = "select count(*) from access.passive"
    with matrix.ask("AGENT", "I1") as reader:
        token = reader.execute("select current_setting('siseri.ticket')").fetchone()[0]
        assert reader.execute(count).fetchone() == (2,)
        reader.execute("select set_config('siseri.ticket', 'autre', false)")
        assert reader.execute(count).fetchone() == (0,)
        reader.execute("select set_config('siseri.ticket', %s, false)", (token,))
        # The digest, which is all that the database keeps, is no ticket.
        digest = reader.execute("select encode(digest, 'hex') from access.shown()").fetchone()[0]
        reader.execute("select set_config('siseri.ticket', %s, false)", (digest,))
        assert reader.execute(count).fetchone() == (0,)
        for profile in ("worker", "physician", "crp"):
            with warehouse.login(profile) as other:
                other.execute("select set_config('siseri.ticket', %s, false)", (token,))
                assert other.execute(count).fetchone() == (0,)
        with warehouse.admin() as admin:
            admin.execute("update access.ticket set expires_at = clock_timestamp()")
        reader.execute("select set_config('siseri.ticket', %s, false)", (token,))
        assert reader.execute(count).fetchone() == (0,)


def test_the_gate_makes_tickets_and_reads_nothing(matrix: Matrix) -> None:
    with matrix.registry.registry.warehouse.login("gate") as gate:
        for capacity in ("TRAVAILLEUR", "AGENT"):
            with refused(errors.RaiseException, "needs a mandate"):
                gate.execute(
                    "select access.admit(sha256('x'), %s, '', null, null, %s, current_date, 'x', 'COMMANDE', 'x')",
                    (capacity, SIRET),
                )
        for closed in (
            "select * from access.ticket",
            "select * from access.person",
            "select * from access.shown()",
            "select * from dose.passive",
            "select * from identity.civil",
            "select * from audit.look",
            "delete from audit.look",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                gate.execute(closed)
        with refused(errors.RaiseException, "no such capacity"):
            gate.execute(
                "select access.admit(sha256('x'), 'DGT', 'x', null, gen_random_uuid(), null, current_date, 'x',"
                " 'COMMANDE', 'x')"
            )


def test_every_admission_is_audited_with_its_right_refused_ones_too(matrix: Matrix) -> None:
    matrix.seen("MDT", RPPS)
    matrix.seen("CRP", "INCONNU")
    matrix.seen("AGENT", "I1", nir=NIR2)
    rows = (
        matrix.registry.as_("administrator")
        .execute("select who, door, what, held, records, worker_id is not null from audit.look order by look_id")
        .fetchall()
    )
    assert rows[-3:] == [
        ("essai", "COMMANDE", "essai", f"MDT:{RPPS}", 1, True),
        ("essai", "COMMANDE", "essai", "CRP:INCONNU", 0, True),
        ("essai", "COMMANDE", "essai", "AGENT:I1", 0, False),
    ]
