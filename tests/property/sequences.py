"""Hypothesis strategies for whole stories: passes of the registry on days that advance, each with a few files.

Pools are small, so that keys collide: a story is made of corrections, duplicates, annulments, references that come late
and rows that outstay the queue. NIR and SIRET are written as places in a pool (`@2`, `#1`) and filled in by `World`,
which gives every story its own people and establishments: many stories then share one warehouse.
"""

from dataclasses import dataclass, field
from datetime import date

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from twin import layouts
from twin.cells import luhn, nir_key
from twin.ledger import Partner

DAYS = [date(2024, 1, 31), date(2024, 2, 10), date(2024, 2, 25), date(2024, 5, 15), date(2024, 8, 20)]

NAMES = [("MARTIN", "JEAN"), ("D'ORNANO", "LUCIE MARIE"), ("NGUYEN", "THI-MAI"), ("PETIT", "ANNE")]
SEXES = ["1", "2", "2", "2"]

OWNERS = {"#0": "E1", "#1": "E1", "#2": "E2", "#3": ""}
"""Whose establishments they are; the last belongs to no employer that writes."""


@dataclass(frozen=True)
class Deposit:
    """One file; `again` gives the place of an earlier deposit of the same sender to send again as it was."""

    sender: str
    format: str
    rows: tuple[dict[str, str], ...] = ()
    again: int | None = None


@dataclass(frozen=True)
class Pass:
    day: date
    deposits: tuple[Deposit, ...]


def _with_check_digit(digits: str) -> str:
    return next(digits + last for last in "0123456789" if luhn(digits + last))


@dataclass
class World:
    """The real numbers of one story, and its senders: `salt` below 10 000."""

    salt: int
    partners: dict[str, Partner] = field(init=False)

    def __post_init__(self) -> None:
        def made(slot: str, role: str, *places: str, whom: str | None = None) -> Partner:
            return Partner(f"{slot}{self.salt}", role, tuple(sorted({self.siret(one)[:9] for one in places})), whom)

        self.partners = {
            "G": made("G", "GESTIONNAIRE"),
            "E1": made("EA", "EMPLOYEUR", "#0", "#1"),
            "E2": made("EB", "EMPLOYEUR", "#2"),
            "L1": made("LA", "OA"),
            "L2": made("LB", "OA"),
            "X": made("X", "EXPLOITANT"),
            "P": made("P", "CRP", whom=f"PCR-{self.salt}"),
            "M": made("M", "MDT", whom=_with_check_digit(f"10{self.salt:08d}")),
            "K": made("K", "CALCUL"),
        }

    def nir(self, place: str) -> str:
        number = int(place[1:])
        return f"{SEXES[number]}85067{5 + number}{self.salt // 900:03d}{self.salt % 900 + 1:03d}"

    def siret(self, place: str) -> str:
        siren = _with_check_digit(f"7{self.salt:04d}{place[1:]:>03}")
        return _with_check_digit(siren + "0000")

    def name_of(self, whom: str) -> str:
        """What stands in IDENTIFIANT for a sender's slot."""
        partner = self.partners[whom]
        return partner.identifiant or partner.code

    def fill(self, column: str, cell: str) -> str:
        if cell.startswith("@"):
            return nir_key(self.nir(cell)) if column == "CLE" else self.nir(cell)
        if cell.startswith("#"):
            return self.siret(cell)[:9] if column == "siren" else self.siret(cell)
        return self.name_of(cell[1:]) if cell.startswith("&") else cell

    def bytes_of(self, deposit: Deposit) -> bytes:
        separator = "," if deposit.format == "ETABLISSEMENTS" else ";"
        columns = layouts.COLUMNS[deposit.format]
        lines = [separator.join(columns)]
        for row in deposit.rows:
            cells = [self.fill(column, row[column]) for column in columns]
            lines.append(separator.join(cells[:-1] if "short" in row else cells))
        return ("\n".join(lines) + "\n").encode()


def _mostly(usual: list[str], *odd: str) -> SearchStrategy[str]:
    """The usual values about nine times in ten; an odd one else."""
    return st.integers(0, 9).flatmap(lambda dice: st.sampled_from(list(odd) if dice == 9 else usual))


PERSONS = st.sampled_from(["@0", "@1", "@2"])
PLACES = list(OWNERS)
ATTACHED = ["@0,#0", "@0,#1", "@1,#0", "@2,#2"]
PAIRS = _mostly(ATTACHED, *(f"{nir},{place}" for nir in ("@0", "@1", "@2") for place in PLACES))
CELLS: dict[str, dict[str, SearchStrategy[str]]] = {
    "ETABLISSEMENTS": {
        "siret": st.sampled_from(PLACES),
        "etatAdministratifEtablissement": _mostly(["A", "A", "A", "F"], "F"),
        "dateDebut": st.sampled_from(["2020-01-01", "2024-01-31"]),
    },
    "TRAVAILLEURS": {
        "NIR": PERSONS,
        "PRENOM": st.sampled_from(["=", "=", "=", "JEAN PAUL", "LUCIE", "THI-MAI JEAN"]),
        "NOM": _mostly(["="], "DUPONT", "MARTIN", ""),
        "CLASSEMENT": st.sampled_from(["A", "B", "", "NC"]),
        "AUTREEXPOSITION": _mostly(["RADON"], ""),
        "DATEDEBUT": st.sampled_from(["01/01/2020", "01/01/2020", "01/01/2024", "01/02/2024", "01/04/2024"]),
        "QUOTITE": _mostly(["1"], "0.5", "2"),
    },
    "DESIGNATIONS": {
        "SIRET": st.sampled_from(PLACES),
        "ROLE,IDENTIFIANT": st.sampled_from(
            ["OA,&L1", "OA,&L2", "EXPLOITANT,&X", "CRP,&P", "MDT,&M", "RPL,X", "PST,10003456786", "PST,&M", "OA,&X"]
        ),
        "DATEDEBUT": st.sampled_from(["01/01/2020", "01/02/2024"]),
        "DATEFIN": st.sampled_from(["", "31/01/2024"]),
    },
    "SORTIES": {
        "NIR": PERSONS,
        "DATEFIN": st.sampled_from(["31/12/2023", "31/12/2023", "20/01/2024", "31/03/2024", "01/01/2019"]),
    },
    "INTERNE": {
        "NIR,SIRET": PAIRS,
        "NOM": _mostly(["="], "DUPONT"),
        "PRENOM": _mostly(["="], "PAUL"),
        "DATE_EXAMEN": st.sampled_from(
            ["15/01/2024", "15/01/2024", "09/02/2024", "20/12/2023", "15/12/2021", "20/11/2023"]
        ),
        "RADIONUCLEIDE": _mostly(["Cs-137"], "Co-60"),
        "ETAT_RESULTAT,ACTIVITE": _mostly(["MES,1.2", "MES,1.2", "INF,", "ABS,"], "MES,0,0000000001", "MES,-1"),
        "ID_ANALYSE": st.sampled_from(["A1", "A2"]),
        "CODE_METROLOGIE": _mostly([""], "C", "A"),
    },
    "ENGAGEE": {
        "NIR,SIRET": PAIRS,
        "RPPS": _mostly(["&M"], "10003456786", "1"),
        "DATE_INCORPORATION": st.sampled_from(["15/01/2024", "15/01/2024", "20/12/2023", "15/12/2021", "09/02/2024"]),
        "VALEUR": _mostly(["0.3", "3.1", "0.0204"], "501", "-1", "x"),
        "ID_EVALUATION": st.sampled_from(["E1", "E2"]),
        "CODE_METROLOGIE": _mostly([""], "C", "A"),
    },
    "NAVIGANT": {
        "NIR,SIRET": PAIRS,
        "MOIS": st.sampled_from(["01/2024", "01/2024", "12/2023", "12/2021", "02/2024", "03/2024"]),
        "VALEUR": _mostly(["0.21", "3.1", "0.05"], "501", "-1"),
        "NB_VOLS": st.sampled_from(["", "14"]),
        "ID_CALCUL": st.sampled_from(["N1", "N2"]),
        "CODE_METROLOGIE": _mostly([""], "C", "A"),
    },
    "PASSIVE": {
        "NIR,SIRET": PAIRS,
        "NOM": _mostly(["="], "DUPONT", "d’ornano"),
        "PRENOM": st.sampled_from(["=", "=", "=", "=", "PAUL", "MARIE", ""]),
        "TYPE_MESURE": _mostly(["PAS-HP10-PHO"], "PAS-HP10-NEU", "PAS-HP3"),
        "DATE_DEBUT_PORT,DATE_FIN_PORT": st.sampled_from(
            [
                "01/01/2024,31/01/2024", "01/01/2024,31/01/2024", "01/02/2024,10/02/2024", "01/12/2023,20/12/2023",
                "30/11/2023,20/12/2023", "01/12/2021,31/12/2021",
            ]
        ),
        "ETAT_RESULTAT,VALEUR": _mostly(["MES,0.5", "MES,3.1", "MES,0,75", "INF,", "ABS,", "ABS,", "PER,"],
            "MES,501", "INF,0", "ABS,1", "MES,-1"),
        "ID_MESURE": st.sampled_from(["M1", "M2"]),
        "CODE_METROLOGIE": _mostly([""], "C", "A"),
    },
    "OPERATIONNELLE": {
        "NIR,SIRET": PAIRS,
        "LIEU": _mostly(["BR"], "br ", "BAN"),
        "DATE_DEBUT_PORT,DATE_FIN_PORT": st.sampled_from(
            ["15/01/2024 08:00,15/01/2024 17:00", "15/01/2024 08:00,15/01/2024 17:00",
            "02/02/2024 08:00,02/02/2024 09:00"]
        ),
        "VALEUR": _mostly(["0.012", "0.9", "0.0204"], "0.0004", "101", "-1"),
        "CODE_METROLOGIE": _mostly([""], "C", "A"),
    },
}  # fmt: skip
CONSTANT = {
    "ETABLISSEMENTS": {"activitePrincipaleEtablissement": "86.10Z", "codeCommuneEtablissement": "75056",
        "etablissementSiege": "true"},
    "TRAVAILLEURS": {
        "caractereActivite": "Civil", "codeDomaineActivite": "100000", "codeSecteurActivite": "101000",
        "codeNuisanceRadiologique": "EXT", "codeTypeContrat": "CDI", "CodeMetier": "AS",
    },
    "DESIGNATIONS": {},
    "SORTIES": {},
    "INTERNE": {"TYPE_EXAMEN": "RTU", "UNITE": "Bq/L", "LIMITE_DETECTION": "0.5"},
    "ENGAGEE": {"RADIONUCLEIDE": "I-131"},
    "NAVIGANT": {},
    "PASSIVE": {"TYPE_DOSIMETRE": "OSL"},
    "OPERATIONNELLE": {"ZONE": "VERTE", "TYPE_MESURE": "OPE-HP10-PHO", "TYPE_DOSIMETRE": "EPD", "ACTIVITE": "VISITE"},
}  # fmt: skip


@st.composite
def story_row(draw: DrawFn, format_: str, sender: str) -> dict[str, str]:
    """One row of a sender's file, its NIR and SIRET still places in the pool."""
    row = dict.fromkeys(layouts.COLUMNS[format_], "") | CONSTANT[format_]
    for names, cells in CELLS[format_].items():
        value = draw(cells)
        parts = value.split(",", 1) if "," in names else [value]
        row |= dict(zip(names.split(","), parts, strict=True))
    if format_ in ("TRAVAILLEURS", "SORTIES", "DESIGNATIONS"):
        own = [place for place, owner in OWNERS.items() if owner == sender] or PLACES
        row["SIRET"] = draw(_mostly(own, *PLACES))
    if format_ == "TRAVAILLEURS":
        row |= {"CLE": row["NIR"], "DATENAISSANCE": "14/06/1985", "SEXE": "M" if row["NIR"] == "@0" else "F"}
    if format_ == "SORTIES":
        row["CLE"] = row["NIR"]
    if format_ == "ETABLISSEMENTS":
        row["siren"] = row["siret"]
    if format_ == "PASSIVE":
        row["LOCALISATION"] = "TETE" if row["TYPE_MESURE"] == "PAS-HP3" else "POITRINE"
    if "NOM" in row and "NIR" in row:
        nom, prenom = NAMES[int(row["NIR"][1:])]
        row["NOM"] = nom if row["NOM"] == "=" else row["NOM"]
        row["PRENOM"] = prenom if row["PRENOM"] == "=" else row["PRENOM"]
    match draw(st.integers(0, 39)):
        case 38:
            row["short"] = ""
        case 39 if format_ != "ETABLISSEMENTS":
            row[draw(st.sampled_from([one for one in ("NIR", "SIRET") if one in row]))] = "123"
    return row


ECHOES: dict[str, list[dict[str, str]]] = {
    "PASSIVE": [
        {}, {"CODE_METROLOGIE": "C", "VALEUR": "0.9", "ETAT_RESULTAT": "MES"}, {"CODE_METROLOGIE": "A"},
        {"CODE_METROLOGIE": "C"},
        {"CODE_METROLOGIE": "", "VALEUR": "0.9", "ETAT_RESULTAT": "MES"}, {"CODE_METROLOGIE": "C", "SIRET": "#1"},
        {"CODE_METROLOGIE": "A", "NIR": "@2", "VALEUR": ""}, {"CODE_METROLOGIE": "", "NOM": "DUPONT"},
        {"CODE_METROLOGIE": "", "SEUIL": "0,05"},
        {"CODE_METROLOGIE": "C", "DATE_DEBUT_PORT": "02/01/2024", "DATE_FIN_PORT": "30/01/2024"},
        {"CODE_METROLOGIE": ""},
    ],
    "OPERATIONNELLE": [
        {}, {"CODE_METROLOGIE": "C", "VALEUR": "0.5"}, {"CODE_METROLOGIE": "A"}, {"CODE_METROLOGIE": "C"},
        {"CODE_METROLOGIE": ""},
        {"CODE_METROLOGIE": "", "VALEUR": "0.5"}, {"CODE_METROLOGIE": "", "ACTIVITE": "RONDE"},
        {"CODE_METROLOGIE": "", "LIEU": " br"},
    ],
    "INTERNE": [
        {}, {"CODE_METROLOGIE": "C", "ETAT_RESULTAT": "MES", "ACTIVITE": "3"}, {"CODE_METROLOGIE": "A"},
        {"CODE_METROLOGIE": "C"}, {"CODE_METROLOGIE": ""}, {"CODE_METROLOGIE": "", "ACTIVITE": "1.20"},
        {"CODE_METROLOGIE": "", "ETAT_RESULTAT": "MES", "ACTIVITE": "3"}, {"CODE_METROLOGIE": "", "UNITE": "Bq/24h"},
        {"CODE_METROLOGIE": "C", "SIRET": "#1"}, {"CODE_METROLOGIE": "A", "NIR": "@2"},
        {"CODE_METROLOGIE": "A", "DATE_EXAMEN": ""}, {"CODE_METROLOGIE": "C", "DATE_EXAMEN": "20/12/2023"},
        {"CODE_METROLOGIE": "", "RADIONUCLEIDE": "Co-60"}, {"CODE_METROLOGIE": "", "NOM": "DUPONT"},
    ],
    "ENGAGEE": [
        {}, {"CODE_METROLOGIE": "C", "VALEUR": "2"}, {"CODE_METROLOGIE": "A"}, {"CODE_METROLOGIE": "C"},
        {"CODE_METROLOGIE": ""}, {"CODE_METROLOGIE": "", "VALEUR": "0,3"}, {"CODE_METROLOGIE": "", "VALEUR": "2"},
        {"CODE_METROLOGIE": "C", "DATE_INCORPORATION": "20/12/2023"}, {"CODE_METROLOGIE": "A", "RPPS": ""},
        {"CODE_METROLOGIE": "", "RADIONUCLEIDE": "Cs-137"},
    ],
    "NAVIGANT": [
        {}, {"CODE_METROLOGIE": "C", "VALEUR": "2"}, {"CODE_METROLOGIE": "A"}, {"CODE_METROLOGIE": "C"},
        {"CODE_METROLOGIE": ""}, {"CODE_METROLOGIE": "", "NB_VOLS": "15"}, {"CODE_METROLOGIE": "C", "NB_VOLS": ""},
        {"CODE_METROLOGIE": "C", "MOIS": "12/2023"}, {"CODE_METROLOGIE": "A", "MOIS": ""},
    ],
}  # fmt: skip
"""How a measure comes again: as it was, corrected, annulled, or with another content."""


@st.composite
def deposit(draw: DrawFn, sent: list[Deposit]) -> Deposit:
    """A file of one sender; half of its measures echo one that the sender (for passages: anyone) sent before."""
    sender, format_ = draw(SENDINGS)
    shared = format_ == "OPERATIONNELLE"
    before = [row for one in sent if one.format == format_ and (shared or one.sender == sender) for row in one.rows]
    rows: list[dict[str, str]] = []
    for _ in range(draw(st.integers(1, 5))):
        origins = before + rows
        if format_ in ECHOES and origins and draw(st.booleans()):
            rows.append(draw(st.sampled_from(origins)) | draw(st.sampled_from(ECHOES[format_])))
        else:
            rows.append(draw(story_row(format_, sender)))
    return Deposit(sender, format_, tuple(rows))


SENDINGS = st.sampled_from(
    [
        ("G", "ETABLISSEMENTS"), ("G", "DESIGNATIONS"), ("G", "TRAVAILLEURS"), ("G", "PASSIVE"),
        ("E1", "TRAVAILLEURS"), ("E1", "TRAVAILLEURS"), ("E2", "TRAVAILLEURS"), ("E1", "DESIGNATIONS"), ("E1",
        "OPERATIONNELLE"),
        *[("L1", "INTERNE")] * 3, ("L2", "INTERNE"), *[("M", "ENGAGEE")] * 3, ("G", "ENGAGEE"),
        *[("K", "NAVIGANT")] * 3, ("E1", "SORTIES"), ("E1", "SORTIES"), ("G", "SORTIES"),
        *[("L1", "PASSIVE")] * 6, ("L2", "PASSIVE"), *[("X", "OPERATIONNELLE")] * 4, ("P", "OPERATIONNELLE"),
    ]
)  # fmt: skip


def references() -> tuple[Deposit, ...]:
    """Everything that a measure may need, known from the start."""

    def row(format_: str, **cells: str) -> dict[str, str]:
        return dict.fromkeys(layouts.COLUMNS[format_], "") | CONSTANT[format_] | cells

    establishments = [
        row("ETABLISSEMENTS", siren=place, siret=place, etatAdministratifEtablissement="A", dateDebut="2020-01-01")
        for place in PLACES
    ]
    workers = [
        row(
            "TRAVAILLEURS", NIR=nir, CLE=nir, NOM=NAMES[int(nir[1])][0], PRENOM=NAMES[int(nir[1])][1],
            SIRET=place, CLASSEMENT="A",
            DATENAISSANCE="14/06/1985", SEXE="M" if nir == "@0" else "F", QUOTITE="1", DATEDEBUT="01/01/2020",
        )
        for nir, place in (("@0", "#0"), ("@0", "#1"), ("@1", "#0"), ("@2", "#2"))
    ]  # fmt: skip
    designated = [
        row("DESIGNATIONS", SIRET=place, ROLE=role, IDENTIFIANT=whom, DATEDEBUT="01/01/2020", DATEFIN=until)
        for place, role, whom, until in (
            ("#0", "OA", "&L1", ""),
            ("#1", "OA", "&L1", "31/01/2024"),
            ("#0", "EXPLOITANT", "&X", "31/01/2024"),
            ("#0", "CRP", "&P", ""),
            ("#0", "MDT", "&M", ""),
            ("#1", "MDT", "&M", "31/01/2024"),
        )
    ]
    return (
        Deposit("G", "ETABLISSEMENTS", tuple(establishments)),
        Deposit("G", "TRAVAILLEURS", tuple(workers)),
        Deposit("G", "DESIGNATIONS", tuple(designated)),
    )


@st.composite
def stories(draw: DrawFn, most_passes: int = 4) -> list[Pass]:
    """Passes on days that advance; now and then a file comes again byte for byte."""
    days = sorted(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=most_passes, unique=True)))
    sent: list[Deposit] = []
    story = []
    for number, day in enumerate(days):
        known = draw(st.sampled_from([0, 1, 2, 3, 3, 3] if number == 0 else [0, 0, 2]))
        deposits = list(references()[:known])
        for _ in range(draw(st.integers(1, 4))):
            deposits.append(draw(deposit(sent + deposits)))
        if sent and draw(st.integers(0, 3)) == 0:
            place = draw(st.integers(0, len(sent) - 1))
            if sent[place].again is None:
                deposits.append(Deposit(sent[place].sender, sent[place].format, sent[place].rows, again=place))
        sent += deposits
        story.append(Pass(day, tuple(deposits)))
    return story
