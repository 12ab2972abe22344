"""Writes ``acces.md`` beside itself: who sees what, which profile does what, every right of the database.

Run by hand after ``schemas/access.py``, ``schemas/data/droits.csv`` or a command changed:
``.venv/bin/python docs/generer_acces.py``. The same declarations give the same bytes; a test compares.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from cli.main import app
from schemas.access import GATE, LETTERS, PROFILES, PUBLIC, SIGHT, Line, Right, lines

HERE = Path(__file__).parent
#: Commands and tasks that connect as no profile of their own: as whom, and why.
OWNER = "propriétaire"
TICKET = "gate, puis le profil de celui qui demande"
_OPENED = re.compile(r"\bopened\((?P<told>[^\n]*)")
#: Modules whose functions are followed further: they choose the profile within.
_FOLLOWED = ("pipelines.health", "pipelines.alarm")
_PROFILE = re.compile(r'profile="(\w+)"')

HEAD = """# Qui voit quoi, et qui fait quoi

Page écrite par `docs/generer_acces.py` d'après `schemas/access.py` et `schemas/data/droits.csv` ; les tests de
sécurité parcourent la même matrice, case par case, par de vraies connexions. Les droits sont posés par `siseri init`
et comparés par `siseri verify`.

## Ce que chacun voit d'une personne
"""

AFTER_SIGHT = """
- Le travailleur, l'employeur et l'agent de contrôle n'ont pas de dates ; une charge doit être en vigueur le jour de la
  demande, et avoir au moins un jour commun avec le contrat. Le détail : [relevés](releves.md).
- La DGT et le DSND reçoivent des agrégats : les éditions publiées, déposées dans leur `retour/`. Dans la base, leurs
  profils ne voient que les dépassements dont ils ont été avisés (`siseri exceedances list --as DGT`), sans identité.
  Un dépassement militaire est au DSND seul.
- La recherche lit les années de sa convention (une de plus de chaque côté : la version d'un médecin peut changer un
  résultat d'année), sous des numéros ; l'extrait porte des pseudonymes ([recherche](recherche.md)).
- Le bilan d'un établissement est écrit par un profil qui ne lit que des chiffres acceptés par la base. Elle refuse
  tout chiffre sur moins de 11 travailleurs, et recompte elle-même, d'après les doses, combien l'établissement en a eu
  cette année-là et combien ont eu le métier ou le secteur de la ligne : un chiffre qui en annonce davantage est refusé
  avec tous les autres.

## Les profils
"""

RIGHTS = """
## Les droits, objet par objet

Une ligne par objet de l'entrepôt ; ce qui n'est pas écrit est refusé. Les colonnes entre parenthèses sont les seules
permises. « Lignes » : les profils que la sécurité des lignes laisse passer. Sur une partition, seul le chargement a un
droit : y inscrire (`COPY` ne passe pas par une table à sécurité de lignes).
"""


def commands() -> dict[str, str]:
    """Every command and who connects for it; empty for one that opens no registry."""
    found: dict[str, str] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        if hasattr(command, "commands"):
            for name, one in command.commands.items():
                walk(one, (*words, name))
        else:
            found[" ".join(words)] = _who(inspect.unwrap(command.callback))

    walk(typer.main.get_command(app), ())
    return dict(sorted(found.items()))


def _owns(function: Callable[..., Any], seen: frozenset[str] = frozenset()) -> bool:
    """Whether a function, or one of its module that it calls, connects as the owner."""
    source, module = inspect.getsource(function), inspect.getmodule(function)
    called = {name: getattr(module, name, None) for name in re.findall(r"\b(\w+)\(", source) if name not in seen}
    return ".admin()" in source or any(
        _owns(one, seen | {name})
        for name, one in called.items()
        if inspect.isfunction(one) and inspect.getmodule(one) is module and one is not function
    )


def _who(function: Callable[..., Any], seen: frozenset[str] = frozenset()) -> str:
    """Who connects in a function, in those of its module that it calls, and in those that it imports."""
    source = inspect.getsource(function)
    module = inspect.getmodule(function)
    found: list[str] = [OWNER] if "initialise()" in source or ".admin()" in source else []
    for match in _OPENED.finditer(source):
        told = _PROFILE.search(match["told"])
        found.append(told[1] if told else "dgt, dsnd" if "profile=profile" in match["told"] else "loader")
    found += _logins(source)
    for where, names in re.findall(r"from (pipelines[\w.]*) import ([\w, ]+)", source):
        for name in names.split(", "):
            one = getattr(importlib.import_module(where), name.split(" as ")[0], None)
            if not inspect.isfunction(one):
                continue
            inner = _who(one, seen | {function.__name__}) if where in _FOLLOWED else ""
            found += [inner] if inner else ([OWNER] if _owns(one) else []) + _logins(inspect.getsource(one))
    if "readable(" in source and not found:
        found.append(TICKET)
    for call in re.findall(r"\b(\w+)\(", source):
        one = getattr(module, call, None)
        if inspect.isfunction(one) and inspect.getmodule(one) is module and call not in {*seen, function.__name__}:
            inner = _who(one, seen | {function.__name__})
            found += [inner] if inner else []
    return ", ".join(dict.fromkeys(found))


def _logins(source: str) -> list[str]:
    return [text or GATE.name for text in re.findall(r"\.login\((?:\"(\w+)\"|GATE\.name)\)", source)]


def tasks() -> dict[str, str]:
    """Every function that a DAG calls, by DAG and name, and who connects in it."""
    found: dict[str, str] = {}
    for path in sorted((HERE.parent / "dags").glob("*.py")):
        modules: dict[str, str] = {}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipelines"):
                modules |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in modules
            ):
                function = getattr(importlib.import_module(modules[node.func.value.id]), node.func.attr)
                found[f"{path.stem} : {node.func.value.id}.{node.func.attr}"] = _who(function)
    return dict(sorted(found.items()))


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield from _table(
        ("", "administratif", "externe", "interne", "depuis quand", "profil"),
        (
            (
                one.title,
                one.administrative.value,
                one.external.value,
                one.internal.value,
                one.window,
                f"`{one.profile}`",
            )
            for one in SIGHT
        ),
    )
    yield AFTER_SIGHT
    yield "Rôles de connexion `<base>_<profil>`, chacun avec son mot de passe sous `SISERI_HOME/keys/`.\n"
    yield from _table(("profil", "pour", "ce qu'il fait"), ((f"`{p.name}`", p.title, p.purpose) for p in PROFILES))
    yield "\n## Qui se connecte\n"
    yield (
        "Commandes. Le propriétaire de la base ne sert qu'à `siseri init`, qui crée tables, rôles et droits, à"
        " l'échange de la clé et aux sauvegardes.\n"
    )
    yield from _table(("commande", "profil"), ((f"`siseri {name}`", who or "—") for name, who in commands().items()))
    yield "\nTâches d'Airflow (fonction de `pipelines/` que la tâche appelle).\n"
    yield from _table(("tâche", "profil"), ((name, who or "—") for name, who in tasks().items()))
    yield (
        "\nPages du pupitre : `analyst` pour lire, `loader` pour une décision, qui repasse par le couloir. Les"
        " résultats du mois sont\nlus sous le billet du compte qui les reçoit."
    )
    yield RIGHTS
    for schema in dict.fromkeys(one.name.partition(".")[0] for one in lines()):
        yield f"### {schema}\n"
        mine = [one for one in lines() if one.name.partition(".")[0] == schema]
        yield from _table(("objet", "genre", "droits", "lignes"), (_object(one) for one in mine))
        yield ""


def _object(one: Line) -> tuple[str, str, str, str]:
    held = {"tous" if name == PUBLIC else name: ", ".join(map(_right, rights)) for name, rights in one.rights.items()}
    listed = "<br>".join(f"{name} : {rights}" for name, rights in held.items())
    rows = "" if one.rows is None else ", ".join(one.rows) or "personne"
    return f"`{one.name}`", one.kind, listed or "personne", rows


def _right(one: Right) -> str:
    word = LETTERS[one.letter][1]
    return f"{word} ({', '.join(one.columns)})" if one.columns else word


def _table(names: tuple[str, ...], rows: Iterator[tuple[str, ...]] | Any) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    (HERE / "acces.md").write_text(page(), encoding="utf-8")
