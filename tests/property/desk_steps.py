"""Hypothesis strategies for stories with analysts in them: what they do between the passes of `property.sequences`.

A decision names no row, since a story is told before anybody knows what will wait: its `picks` are places among the
rows that wait when its turn comes and that it fits (all of them where it is `loose`), `stale` ones among all rows; of
its values those are kept that the row at its first pick has a place for.
"""

from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from property.sequences import DAYS, Deposit, Pass, deposit, references


@dataclass(frozen=True)
class Decide:
    action: str
    picks: tuple[int, ...]
    values: tuple[tuple[str, str], ...] = ()
    loose: bool = False
    stale: tuple[int, ...] = ()


@dataclass(frozen=True)
class Undo:
    """Take back the decision at this place among those taken so far; the last is 0."""

    place: int


@dataclass(frozen=True)
class Stand:
    """Propose a standing decision and have it approved."""

    kind: str
    sent: str
    meant: str
    first: str = "2020-01-01"
    last: str | None = None
    sender: str | None = None


@dataclass(frozen=True)
class Revoke:
    place: int


Step = Pass | Decide | Undo | Stand | Revoke

SPOILS = st.sampled_from(
    [
        {"NIR": "@3"}, {"NIR": "@3", "NOM": "PETIT"}, {"SIRET": "#4"}, {"SIRET": "#3"}, {"SIRET": "#1"},
        {"NOM": "DUPONT"}, {"PRENOM": "PAUL"}, {"VALEUR": "501"}, {"NIR": "@3", "VALEUR": "501"},
        {"NOM": "DUPONT", "SIRET": "#4"}, {"NIR": "@2"}, {"NIR": "@1"},
    ]
)  # fmt: skip
"""What makes a row wait, mostly."""

NIRS, SIRETS = ["@0", "@0", "@1", "@2", "@3"], ["#0", "#0", "#1", "#2", "#3", "#4"]
DATES = ["31/01/2024", "15/01/2024", "20/12/2023", "15/12/2022", "15/12/2021", "09/02/2024"]
CURES = {
    "NIR": [*NIRS, "123"],
    "SIRET": [*SIRETS, "123"],
    "NOM": ["MARTIN", "D ORNANO", "NGUYEN", "DUPONT", ""],
    "PRENOM": ["JEAN", "LUCIE", "THI-MAI", "PAUL"],
    "VALEUR": ["0.9", "0.5", "0.012", "501", "x"],
    "ACTIVITE": ["1.2", "3", ""],
    "ETAT_RESULTAT": ["MES", "ABS", "INF"],
    "CODE_METROLOGIE": ["", "C", "C", "A"],
    "ID_MESURE": ["M1", "M1", "M2"],
    "ID_ANALYSE": ["A1", "A2"],
    "ID_EVALUATION": ["E1", "E2"],
    "ID_CALCUL": ["N1", "N2"],
    "LIEU": ["BR", "BAN"],
    "DATE_DEBUT_PORT": ["01/01/2024", "15/12/2022", "01/12/2021", "15/01/2024 08:00"],
    "DATE_FIN_PORT": [*DATES, "30/02/2024", "15/01/2024 17:00"],
    "DATE_EXAMEN": DATES,
    "DATE_INCORPORATION": DATES,
    "MOIS": ["01/2024", "12/2023", "12/2022", "12/2021"],
    "DATEDEBUT": ["01/01/2020", "01/02/2024"],
    "DATEFIN": ["31/12/2023", "01/01/2019"],
    "CLE": NIRS,
}
TOGETHER = [
    ("NIR",), ("SIRET",), ("NIR", "SIRET"), ("NOM", "PRENOM"), ("NIR", "NOM", "PRENOM"), ("NIR", "CLE"), ("VALEUR",),
    ("ID_MESURE",), ("ID_MESURE", "CODE_METROLOGIE"), ("CODE_METROLOGIE",), ("NOM", "ID_MESURE"), ("NIR", "LIEU"),
    ("ID_ANALYSE",), ("ID_EVALUATION", "CODE_METROLOGIE"), ("ID_CALCUL",), ("DATE_FIN_PORT",), ("DATE_EXAMEN",),
    ("DATE_DEBUT_PORT", "DATE_FIN_PORT"), ("DATE_INCORPORATION",), ("MOIS",), ("VALEUR", "ETAT_RESULTAT"), ("NOM",),
    ("ACTIVITE", "CODE_METROLOGIE"), ("SIRET", "NOM"), ("DATEDEBUT",), ("DATEFIN",), ("NIR", "CODE_METROLOGIE"),
    ("MOIS", "CODE_METROLOGIE"), ("DATE_EXAMEN", "CODE_METROLOGIE"),
]  # fmt: skip


@st.composite
def decisions(draw: DrawFn) -> Decide:
    action = draw(st.sampled_from(["corriger"] * 5 + ["rattacher"] * 3 + ["confirmer"] * 3 + ["rejeter"] + ["rejouer"]))
    values: tuple[tuple[str, str], ...] = ()
    if action == "corriger":
        columns = draw(st.sampled_from(TOGETHER))
        values = tuple((column, draw(st.sampled_from(CURES[column]))) for column in columns)
    if action == "rattacher":
        whom = st.one_of(
            st.just(()),
            st.sampled_from(NIRS).map(lambda nir: (("NIR", nir),)),
            st.sampled_from(SIRETS).map(lambda siret: (("SIRET", siret),)),
        )
        values = draw(whom)
    picks = tuple(draw(st.lists(st.integers(0, 30), min_size=1, max_size=5)))
    loose = draw(st.integers(0, 7)) == 7
    stale = tuple(draw(st.lists(st.integers(0, 60), max_size=2))) if loose else ()
    return Decide(action, picks, values, loose, stale)


@st.composite
def standings(draw: DrawFn) -> Stand:
    kind = draw(st.sampled_from(["SIRET", "SIRET", "NIR"]))
    pool = ["#0", "#1", "#3", "#4"] if kind == "SIRET" else ["@0", "@1", "@3"]
    sent = draw(st.sampled_from(pool + pool[-1:] * 3))
    meant = draw(st.sampled_from([one for one in pool if one != sent] + pool[:1]))
    days = draw(st.sampled_from([("2020-01-01", None)] * 3 + [("2024-02-01", None), ("2020-01-01", "2024-01-20")]))
    return Stand(kind, sent, meant, *days, sender=draw(st.sampled_from([None, None, "L1", "X", "K"])))


STEPS = st.one_of(
    *[decisions()] * 8,
    *[st.integers(0, 3).map(Undo)] * 3,
    standings(),
    standings(),
    st.integers(0, 2).map(Revoke),
)


def _spoiled(draw: DrawFn, one: Deposit) -> Deposit:
    rows = []
    for row in one.rows:
        spoil = draw(SPOILS) if one.format in SPOILED and draw(st.integers(0, 2)) else {}
        rows.append(row | {name: cell for name, cell in spoil.items() if name in row})
    return replace(one, rows=tuple(rows))


SPOILED = {"PASSIVE", "OPERATIONNELLE", "INTERNE", "ENGAGEE", "NAVIGANT", "TRAVAILLEURS", "SORTIES"}


@st.composite
def desk_stories(draw: DrawFn) -> list[Step]:
    """Passes on days that advance, each followed by some steps of the desk, then a last pass."""
    days = sorted(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=4, unique=True)))
    sent: list[Deposit] = []
    story: list[Step] = []
    for number, day in enumerate(days):
        deposits = list(references()[: draw(st.sampled_from([3, 3, 3, 3, 2, 0] if number == 0 else [0, 0, 2]))])
        for _ in range(draw(st.integers(2, 5))):
            deposits.append(_spoiled(draw, draw(deposit(sent + deposits))))
        sent += deposits
        story.append(Pass(day, tuple(deposits)))
        story += draw(st.lists(STEPS, min_size=2, max_size=7))
    story.append(Pass(max(days[-1], DAYS[2]), ()))
    return story
