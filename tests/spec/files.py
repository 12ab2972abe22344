"""Files read against the contract by hand, with the code of the whole file; CSV first, then fixed width.

Each case: what it shows, the bytes, keyword arguments (name, role, marker, max_bytes, partner), the code.
"""

import gzip

from spec.rows import SOUND, P, T
from twin.layouts import COLUMNS

HEADER = ";".join(COLUMNS[P])
LINE = ";".join(SOUND[P].values())
ANSWERED = f"{HEADER};CODE_ERREUR;LIBELLE_ERREUR\n{LINE};;\n".encode()


def passive(*lines: str, ending: str = "\n", encoding: str = "utf-8") -> bytes:
    return (ending.join([HEADER, *lines]) + ending).encode(encoding)


FILES: list[tuple[str, bytes, dict[str, object], str | None]] = [
    ("plain", passive(LINE), {}, None),
    ("crlf", passive(LINE, ending="\r\n"), {}, None),
    ("byte order mark", passive(LINE, encoding="utf-8-sig"), {}, None),
    ("quoted header", passive(LINE).replace(b"NIR", b'"NIR"', 1), {}, None),
    ("answer columns", ANSWERED, {}, None),
    ("packed", gzip.compress(passive(LINE)), {"name": "x.csv.gz"}, None),
    ("packed, no other extension", gzip.compress(passive(LINE)), {"name": "x.gz"}, None),
    ("upper-case extension", passive(LINE), {"name": "X.CSV"}, None),
    ("nothing", b"", {}, "FIC-01"),
    ("header only", passive(), {}, "FIC-01"),
    ("header and empty lines", passive("", ""), {}, "FIC-01"),
    ("NUL", passive(LINE + "\0"), {}, "FIC-02"),
    ("UTF-16", passive(LINE, encoding="utf-16"), {}, "FIC-02"),
    ("no Windows-1252 either", passive(LINE) + b"\x81\xff\n", {}, "FIC-02"),
    ("unknown header", b"A;B\n1;2\n", {}, "FIC-03"),
    ("header longer than a megabyte", b"A" * 1_500_000 + b"\n1\n", {}, "FIC-03"),
    ("half a header less one", b"NIR;NOM;PRENOM;SIRET;LOCALISATION;ETAT_RESULTAT\n1;2;3;4;5;6\n", {}, "FIC-03"),
    ("half a short format, less of a long one", ";".join(COLUMNS[T][:8]).encode() + b"\n1\n", {}, "FIC-03"),
    ("half a header", b"NIR;NOM;PRENOM;SIRET;LOCALISATION;ETAT_RESULTAT;SEUIL\n1;2;3;4;5;6;7\n", {}, "FIC-04"),
    ("extension", passive(LINE), {"name": "mars.xlsx"}, "FIC-03"),
    ("no extension", passive(LINE), {"name": "mars"}, "FIC-03"),
    ("report's suffix", passive(LINE), {"name": "mars.csv~2"}, "FIC-03"),
    ("long name", passive(LINE), {"name": "m" * 197 + ".csv"}, "FIC-03"),
    ("missing column", passive(LINE).replace(b"NOM;", b"", 1), {}, "FIC-04"),
    ("repeated column", passive(LINE).replace(b"NOM;", b"NIR;", 1), {}, "FIC-04"),
    ("unknown column", passive(LINE).replace(b"NIR;", b"NIR;AGE;", 1), {}, "FIC-04"),
    ("case of a column", passive(LINE).replace(b"NIR;", b"nir;", 1), {}, "FIC-04"),
    ("role", passive(LINE), {"role": "EMPLOYEUR"}, "FIC-05"),
    ("role allowed", passive(LINE), {"role": "OA"}, None),
    ("size", passive(LINE), {"max_bytes": 100}, "FIC-07"),
    ("size once unpacked", gzip.compress(passive(*[LINE] * 100)), {"name": "x.csv.gz", "max_bytes": 1000}, "FIC-07"),
    ("rows", passive(LINE, LINE), {"marker": "LIGNES=2\nSOMME_MSV=0.24\n"}, None),
    ("rows disagree", passive(LINE, LINE), {"marker": "LIGNES=3"}, "FIC-08"),
    ("sum disagrees", passive(LINE, LINE), {"marker": "SOMME_MSV=0.25"}, "FIC-08"),
    ("unreadable total", passive(LINE), {"marker": "LIGNES=un"}, "FIC-08"),
    ("empty marker", passive(LINE), {"marker": ""}, None),
    ("open quote", passive(LINE, '"abc'), {}, "FIC-09"),
    ("broken gzip", gzip.compress(passive(LINE))[:-8], {"name": "x.csv.gz"}, "FIC-09"),
    ("not a gzip", passive(LINE), {"name": "x.csv.gz"}, "FIC-09"),
    ("02 before 03", b"A;B\n\0\n", {}, "FIC-02"),
    ("09 before 01", b'"', {}, "FIC-09"),
    ("01 before 03", b"A;B\n", {}, "FIC-01"),
    ("05 before 08", passive(LINE), {"role": "DGT", "marker": "LIGNES=9"}, "FIC-05"),
]  # fmt: skip


def detail(**changes: str) -> str:
    """A sound PASSIVE detail of 184 characters, built by hand from the table of positions."""
    cells = {
        "nir": "1850675116001", "nom": "MARTIN", "prenom": "JEAN", "siret": "73282932000074", "type": "PAS-HP10-PHO",
        "place": "POITRINE", "dosimeter": "OSL", "start": "20240101", "end": "20240131", "state": "MES",
        "value": "000000120", "threshold": "000050", "id": "M1", "mode": "",
    } | changes  # fmt: skip
    widths = [13, 30, 30, 14, 15, 10, 15, 8, 8, 3, 9, 6, 20, 1]
    return "10" + "".join(text.ljust(width) for text, width in zip(cells.values(), widths, strict=True))


def fixed(*records: str, sender: str = "OA1", ending: str = "\n", encoding: str = "utf-8") -> bytes:
    head = "00" + "SISPAS01".ljust(10) + sender.ljust(10) + "20240205" + "000001"
    return (ending.join([head, *records]) + ending).encode(encoding)


def trailer(count: int, total: int) -> str:
    return f"99{count:09d}{total:015d}"


FIXED: list[tuple[str, bytes, dict[str, object], str | None]] = [
    ("sound", fixed(detail(), detail(), trailer(2, 240)), {}, None),
    ("crlf and an empty line", fixed(detail(), "", trailer(1, 120), "", ending="\r\n"), {}, None),
    ("trailer lies by one row", fixed(detail(), trailer(2, 120)), {}, "FIC-08"),
    ("trailer lies by one microsievert", fixed(detail(), trailer(1, 121)), {}, "FIC-08"),
    ("no trailer", fixed(detail()), {}, "FIC-08"),
    ("trailer without totals", fixed(detail(), "99"), {}, "FIC-08"),
    ("record after the trailer", fixed(detail(), trailer(1, 120), detail()), {}, "FIC-09"),
    ("second trailer", fixed(detail(), trailer(1, 120), trailer(1, 120)), {}, "FIC-09"),
    ("no detail", fixed(trailer(0, 0)), {}, "FIC-01"),
    ("header alone", fixed(), {}, "FIC-01"),
    ("other layout", fixed(detail(), trailer(1, 120)).replace(b"SISPAS01", b"SISPAS02"), {}, "FIC-03"),
    ("other sender", fixed(detail(), trailer(1, 120)), {"partner": "OA2"}, "FIC-05"),
    ("same sender", fixed(detail(), trailer(1, 120)), {"partner": "OA1"}, None),
    ("role", fixed(detail(), trailer(1, 120)), {"role": "EXPLOITANT"}, "FIC-05"),
    ("marker in millisieverts", fixed(detail(), trailer(1, 120)), {"marker": "LIGNES=1\nSOMME_MSV=0.12"}, None),
    ("marker lies", fixed(detail(), trailer(1, 120)), {"marker": "SOMME_MSV=120"}, "FIC-08"),
    ("05 before 08", fixed(detail()), {"partner": "OA2"}, "FIC-05"),
    ("unreadable value counts 0", fixed(detail(value="0.5"), trailer(1, 0)), {}, None),
]  # fmt: skip


RECORDS: list[tuple[str, str, str]] = [
    ("sound", detail(), ""),
    ("stripped of its fill", detail().rstrip(), ""),
    ("too long", detail() + " ", "FMT-01"),
    ("wrong type", "20" + detail()[2:], "FMT-01"),
    ("no value, below the threshold", detail(state="INF", value=""), ""),
    ("no value, measured", detail(value=""), "MET-13"),
    ("millisieverts", detail(value="0.120"), "FMT-04"),
    ("negative", detail(value="-00000120"), "MET-04"),
    ("date", detail(start="20240231"), "FMT-03"),
    ("date cut", detail(start="2024010"), "FMT-03"),
    ("accents count one", detail(nom="DUPRÉ", prenom="Zoé"), "AVT-02"),
    ("control character", detail(nom="A\tB"), "FMT-07"),
    ("identifier", detail(id=""), "FMT-02"),
    ("annulled", detail(mode="A", value="x", start=""), ""),
]


def alone(line: str, encoding: str = "utf-8") -> bytes:
    """A file of this one detail, with the trailer that it deserves."""
    amounts = {"000000120": 120, "-00000120": -120}
    return fixed(line, trailer(1, amounts.get(line[148:157], 0)), encoding=encoding)
