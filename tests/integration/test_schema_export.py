"""``siseri schema export``: its files follow the declarations, and a template filled on a French desktop is taken."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import subprocess
import sys
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
import senders
from senders import SISERI, country, environment, row

from pipelines.offline import judge
from pipelines.parsing import parse
from reports import columns
from schemas.codebook import Severity, book
from schemas.formats import formats
from schemas.spec import Context, Kind

DAY = date(2026, 4, 10)
CONTEXT = Context.on(DAY)
SEPARATED = sorted(name for name, layout in formats().items() if layout.delimiter == ";")
EXAMPLES = Path(__file__).parents[2] / "docs" / "emetteurs" / "exemples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of one day, made by the real command."""
    home = tmp_path_factory.mktemp("export")
    words = [SISERI, "schema", "export", "--out", home / "siseri" / "formats", "--json"]
    done = subprocess.run(words, env=environment(home), capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(done.stdout)
    out = Path(told["dossier"])
    assert told["fichiers"] == sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    return out


def _header(name: str) -> str:
    """The header of a format as the tests' senders write it, whatever name they give it."""
    (found,) = {one for one in vars(senders).values() if isinstance(one, str) and set(_cut(one)) == set(_names(name))}
    return found


def _cut(header: str) -> list[str]:
    return header.split(senders.separator(header))


def _names(name: str) -> tuple[str, ...]:
    return formats()[name].names


def _good(name: str) -> list[str]:
    return _cut(row(_header(name)))


def _codes(name: str, *rows: list[str]) -> list[frozenset[str]]:
    delimiter = formats()[name].delimiter
    text = "".join(delimiter.join(cells) + "\n" for cells in (_header(name).split(delimiter), *rows))
    found = judge(text.encode(), "f.csv", DAY)
    assert found.file_code is None
    return found.rows


# --- table schemas ------------------------------------------------------------------------------------


def _schema(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / "schemas" / f"{name}.json").read_text(encoding="utf-8"))


def _accepts(field: dict[str, Any], text: str) -> bool:
    """What a Table Schema says of one cell, read as the standard has it."""
    told = field.get("constraints", {})
    if text == "":
        return not told.get("required", False)
    if field["type"] in ("date", "datetime"):
        pattern = {"default": "%Y-%m-%d"}.get(field["format"], field["format"])
        try:
            return bool(datetime.strptime(text, pattern))
        except ValueError:
            return False
    if field["type"] in ("number", "integer"):
        try:
            value = float(text) if field["type"] == "number" else int(text)
        except ValueError:
            return False
        return told.get("minimum", value) <= value <= told.get("maximum", value)
    assert field["type"] == "string"
    fits = re.search(told.get("pattern", ""), text) is not None
    return fits and len(text) <= told.get("maxLength", len(text)) and text in told.get("enum", [text])


@pytest.mark.parametrize("name", sorted(formats()))
def test_a_schema_accepts_what_the_checks_accept_and_refuses_nothing_they_take(folder: Path, name: str) -> None:
    schema, layout = _schema(folder, name), formats()[name]
    fields = {field["name"]: field for field in schema["fields"]}
    assert tuple(fields) == layout.names
    pool = ["", "A", "zz", "Civil", "01/03/2026", "31/02/2026", "2026-03-01", "13/2026", "-1", "0.25", "x" * 300]
    changed, rows = [], []
    for at, column in enumerate(layout.columns):
        for value in [*pool, *column.codes[:3], column.codes[-1] if column.codes else "7"]:
            changed.append((column, value))
            rows.append([*_good(name)[:at], value, *_good(name)[at + 1 :]])
    told = _codes(name, *rows)
    seen = set()
    for (column, value), codes in zip(changed, told, strict=True):
        accepted = _accepts(fields[column.name], value)
        if not codes:
            assert accepted, (column.name, value)
        if not accepted:
            assert codes, (column.name, value)
        if column.kind not in (Kind.NUCLIDE,) and codes and codes <= {"FMT-02", "FMT-03", "FMT-06"} and column.required:
            assert not accepted, (column.name, value, codes)
        seen.add(accepted)
    assert seen == {True, False}
    assert all(_accepts(fields[column.name], cell) for column, cell in zip(layout.columns, _good(name), strict=True))


@pytest.mark.parametrize("name", sorted(formats()))
def test_a_schema_tells_everything_declared(folder: Path, name: str) -> None:
    schema, layout = _schema(folder, name), formats()[name]
    own = schema["siseri"]
    assert own["official"] is layout.official
    assert ("propre à ce projet" in schema["description"]) is not layout.official
    assert own["dialect"]["delimiter"] == layout.delimiter
    assert own["openColumns"] is layout.open_columns
    for field, column in zip(schema["fields"], layout.columns, strict=True):
        told = field.get("constraints", {})
        assert field["title"] == column.label
        assert told.get("required", False) is column.required
        assert field["siseri"].get("position") == (list(column.position) if column.position else None)
        assert set(told.get("enum", ())) <= set(column.codes)
        assert bool(told.get("enum")) is bool(column.codes)
    if layout.record is not None:
        assert own["fixedWidth"]["layout"] == layout.record.layout
        assert own["fixedWidth"]["official"] is False
    assert {rule["code"] for rule in own["rules"]} == {rule.code for rule in layout.rules}


def test_a_list_holds_what_is_taken_on_its_day() -> None:
    layout = formats()["TRAVAILLEURS"]
    column = layout.column("CLASSEMENT")
    assert columns.legal_codes(layout, column, CONTEXT) == ("A", "B")
    assert columns.legal_codes(layout, column, Context.on(date(2024, 1, 31))) == ("A", "B", "NC", "NR")
    kept = columns.legal_codes(layout, layout.column("CodeMetier"), CONTEXT)
    assert len(kept) == 74


def test_patterns_take_what_the_parsers_take() -> None:
    layout = formats()["SORTIES"]
    numbers = [
        f"{first}85{month:02d}{place}{rest}"
        for first, month, place, rest in itertools.product(
            "0123456789", range(0, 100, 1), ("00", "01", "75", "2A", "2B", "2C", "99"), ("110042", "110000")
        )
    ]
    numbers += ["185067511004", "18506751100422", "1850675A10042", "185067511004²"]
    readable = parse(layout.column("NIR"), pa.array(numbers))[0].readable
    expression = re.compile(columns.pattern(layout, layout.column("NIR")) or "")
    assert [bool(expression.fullmatch(one)) for one in numbers] == readable.tolist()
    keys = [f"{key:02d}" for key in range(100)]
    readable = parse(layout.column("CLE"), pa.array(keys))[0].readable
    expression = re.compile(columns.pattern(layout, layout.column("CLE")) or "")
    assert [bool(expression.fullmatch(one)) for one in keys] == readable.tolist()
    layout = formats()["NAVIGANT"]
    months = [f"{month:02d}/{year}" for month in range(15) for year in ("2026", "26", "02026")]
    readable = parse(layout.column("MOIS"), pa.array(months))[0].readable
    expression = re.compile(columns.pattern(layout, layout.column("MOIS")) or "")
    assert [bool(expression.fullmatch(one)) for one in months] == readable.tolist()


def test_numbers_of_an_identity_answer_are_told_apart() -> None:
    layout = formats()["IDENTITES"]
    for name, taken, refused in (("NIA", senders.NIA, senders.NIR), ("NIR", senders.NIR, senders.NIA)):
        expression = columns.pattern(layout, layout.column(name)) or ""
        assert re.fullmatch(expression, taken)
        assert not re.fullmatch(expression, refused)


def test_the_package_binds_every_template(folder: Path) -> None:
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert {one["name"] for one in package["resources"]} == {name.lower() for name in formats()}
    for one in package["resources"]:
        schema = json.loads((folder / one["schema"]).read_text(encoding="utf-8"))
        header = (folder / one["path"]).read_bytes().decode(one["encoding"])
        assert header == one["dialect"]["delimiter"].join(field["name"] for field in schema["fields"]) + "\r\n"


# --- templates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(formats()))
def test_a_csv_template_with_rows_behind_it_is_accepted(folder: Path, name: str) -> None:
    head = (folder / "modeles" / f"{name}.csv").read_bytes()
    found = judge(head + formats()[name].delimiter.join(_good(name)).encode("cp1252") + b"\r\n", "f.csv", DAY)
    assert (found.file_code, found.format, found.rows) == (None, name, [frozenset()])


def _template(folder: Path, name: str) -> Any:
    return openpyxl.load_workbook(folder / "modeles" / f"{name}.xlsx")


def _saved(sheet: Any) -> bytes:
    """The sheet as Excel on a French desktop saves it: what is shown, ``;``, decimal comma, Windows-1252, CRLF."""

    def shown(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, datetime):
            return f"{value:%d/%m/%Y %H:%M}" if value.hour or value.minute else f"{value:%d/%m/%Y}"
        return f"{value:.15g}".replace(".", ",") if isinstance(value, float) else str(value)

    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerows([shown(value) for value in cells] for cells in sheet.iter_rows(values_only=True))
    return out.getvalue().encode("cp1252")


@pytest.mark.parametrize("name", SEPARATED)
def test_a_template_filled_on_a_french_desktop_is_accepted(folder: Path, name: str) -> None:
    workbook, layout = _template(folder, name), formats()[name]
    sheet = workbook.worksheets[0]
    assert tuple(cell.value for cell in sheet[1]) == layout.names
    assert sheet.max_row == 1
    typed = [text.replace(".", ",") if _decimal(layout, at) else text for at, text in enumerate(_good(name))]
    pasted = [_pasted(layout.columns[at].kind, text) for at, text in enumerate(_good(name))]
    for at in range(len(layout.columns)):
        sheet.cell(2, at + 1, typed[at] or None)
        sheet.cell(3, at + 1, pasted[at] or None)
    found = judge(_saved(sheet), f"{name}.csv", DAY)
    assert found.format == name
    commas = frozenset({"AVT-03"}) if any("," in text for text in typed) else frozenset()
    assert found.rows == [commas, commas]


def _decimal(layout: Any, at: int) -> bool:
    return layout.columns[at].kind in (Kind.DOSE, Kind.ACTIVITY, Kind.SHARE)


def _pasted(kind: Kind, text: str) -> Any:
    """The value of a cell copied from another sheet: a true number or date."""
    if not text:
        return None
    if kind in (Kind.DOSE, Kind.ACTIVITY, Kind.SHARE):
        return float(text)
    pattern = {Kind.DATE: "%d/%m/%Y", Kind.TIME: "%d/%m/%Y %H:%M"}.get(kind)
    return datetime.strptime(text, pattern) if pattern else text


@pytest.mark.parametrize("name", SEPARATED)
def test_a_template_guards_and_helps_every_column(folder: Path, name: str) -> None:
    workbook, layout = _template(folder, name), formats()[name]
    sheet = workbook.worksheets[0]
    assert sheet.freeze_panes == "A2"
    assert workbook.active is sheet
    rules = {str(rule.sqref).split(":")[0]: rule for rule in sheet.data_validations.dataValidation}
    for at, column in enumerate(layout.columns, start=1):
        letter = openpyxl.utils.get_column_letter(at)
        places = [one for one in sheet.column_dimensions.values() if one.min <= at <= one.max]
        assert [one.number_format for one in places] == ["@"], column.name  # zeros, dates and decimals stay as typed
        rule = rules[f"{letter}2"]
        assert column.label in rule.prompt
        assert len(rule.prompt) <= 255
        assert not column.example or column.example in rule.prompt
        assert ("Obligatoire" in rule.prompt) is column.required
        assert rule.formula1 is None or len(rule.formula1) <= 255
        if column.kind is Kind.CODE:
            codes = columns.legal_codes(layout, column, CONTEXT)
            assert rule.type == "list"
            place = re.fullmatch(r"listes!\$(\w+)\$2:\$\1\$(\d+)", rule.formula1)
            assert place
            cells = workbook["listes"][f"{place[1]}2:{place[1]}{place[2]}"]
            assert tuple(cell.value for (cell,) in cells) == codes
    if "listes" in workbook.sheetnames:
        assert workbook["listes"].sheet_state == "hidden"
    told = "\n".join(str(cell.value) for line in workbook["Aide"].iter_rows() for cell in line if cell.value)
    assert columns.origin_in_words(layout) in told
    for column in layout.columns:
        assert column.name in told


def test_the_workers_template_tells_what_codes_mean(folder: Path) -> None:
    workbook = _template(folder, "TRAVAILLEURS")
    meanings = {cells[1]: cells[2] for cells in workbook["Nomenclatures"].iter_rows(min_row=2, values_only=True)}
    assert meanings["101010"] == "Radiologie conventionnelle seule"
    triples = {cells[::2] for cells in workbook["Métiers par secteur"].iter_rows(min_row=2, values_only=True)}
    assert len(triples) == 1895
    assert ("100000", "101010", "MANIP") in triples


def test_an_employers_list_made_in_the_template_integrates(folder: Path, registry: Any) -> None:
    country(registry)
    sheet = _template(folder, "TRAVAILLEURS").worksheets[0]
    rows = csv.reader(io.StringIO((EXAMPLES / "travailleurs.csv").read_text(encoding="utf-8")), delimiter=";")
    for line in itertools.islice(rows, 1, None):
        cells = [
            text.replace(".", ",") if sheet.cell(1, at).value == "QUOTITE" else text for at, text in enumerate(line, 1)
        ]
        cells[3] = "LUCIE-HÉLOÏSE" if cells[3] == "LUCIE" else cells[3]
        sheet.append([text or None for text in cells])
    registry.drop("EMPL", "modele.csv", _saved(sheet))
    registry.run()
    assert registry.report("EMPL", "modele.csv")["statut"] == "INTEGRE"
    assert registry.report("EMPL", "modele.csv")["codes"] == {"AVT-02": 1, "AVT-03": 1}


# --- code book ----------------------------------------------------------------------------------------


def test_the_code_book_as_csv_is_the_book(folder: Path) -> None:
    text = (folder / "codes.csv").read_bytes().decode("utf-8")
    assert text.splitlines()[0] == "code;gravite;formats;libelle;remede"
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert [one["code"] for one in rows] == list(book())
    for one in rows:
        entry = book()[one["code"]]
        assert (one["gravite"], one["libelle"], one["remede"]) == (entry.severity, entry.label, entry.remedy)
        assert frozenset(one["formats"].split(",")) == (entry.formats or {"*"})


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_code_book_as_a_page_is_whole_and_stands_alone(folder: Path) -> None:
    body = (folder / "codes.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(body)
    text = "".join(page.text)
    for entry in book().values():
        assert entry.label in text
        assert entry.remedy in text
    named = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(named) == len(set(named)) == len(book()) + len(Severity)
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert {f"#{name}" for name in named} >= set(links)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe", "object"})
    assert "url(" not in body
    assert "@import" not in body
    assert ("html", {"lang": "fr"}) in page.tags
    assert sum(tag == "caption" for tag, _ in page.tags) == sum(tag == "table" for tag, _ in page.tags) == len(Severity)
    assert all(attributes.get("scope") for tag, attributes in page.tags if tag == "th")


# --- the command --------------------------------------------------------------------------------------


def test_the_readme_says_whose_each_format_is(folder: Path) -> None:
    told = (folder / "LISEZMOI.txt").read_text(encoding="utf-8")
    assert "10/04/2026" in told
    for layout in formats().values():
        assert f"{layout.name} : {layout.title}\n    {columns.origin_in_words(layout)}" in told


def test_the_same_day_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    senders.siseri(environment(tmp_path), "schema", "export", "--out", tmp_path / "again")
    for path in folder.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(folder)).read_bytes(), path.name


def test_without_xlsxwriter_one_line_says_what_to_install(tmp_path: Path) -> None:
    words = ["siseri", "schema", "export", "--out", str(tmp_path / "out")]
    code = f"import sys; sys.modules['xlsxwriter'] = None; sys.argv = {words!r}; from cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "siseri-exchange[modeles]" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    done = senders.siseri(environment(tmp_path), "schema", "export", "--out", tmp_path / "taken", expect=2)
    assert len(done.stderr.splitlines()) == 1
