"""Pages for a person, each one self-contained HTML document in French: the execution report, a question."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

from schemas.codebook import book

#: Names of spreadsheets' own files: dropped by mistake, refused as unreadable, and easily saved as CSV.
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


@cache
def environment() -> jinja2.Environment:
    """The templates of ``reports/templates``: escaped, and loud about what they lack."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def report_page(facts: Mapping[str, Any]) -> bytes:
    """The page of a report.

    Args:
        facts: the content of ``<name>.rapport.json``.
    """
    codes = [(book()[code], rows) for code, rows in sorted(facts["codes"].items())]
    workbook = "FIC-03" in facts["codes"] and facts["depot"]["fichier"].lower().endswith(WORKBOOKS)
    return environment().get_template("rapport.html").render(facts=facts, codes=codes, workbook=workbook).encode()


def question_page(facts: Mapping[str, Any]) -> bytes:
    """The page of a question to a sender.

    Args:
        facts: the content of ``<name>.question-<n>.json``.
    """
    return environment().get_template("question.html").render(facts=facts).encode()


def unused_page(facts: Mapping[str, Any]) -> bytes:
    """The page that tells an account that it will be closed, unused.

    Args:
        facts: the content of ``compte-inutilise.json``.
    """
    return environment().get_template("compte.html").render(facts=facts).encode()


def leftover_page(facts: Mapping[str, Any]) -> bytes:
    """The page that tells a sender what lies in its depot and will never be taken as it is.

    Args:
        facts: the content of ``depot-en-souffrance.json``.
    """
    return environment().get_template("souffrance.html").render(facts=facts).encode()


def keys_notice(facts: Mapping[str, Any]) -> bytes:
    """The text that tells a partner which keys encrypted files go and come under.

    Args:
        facts: ``emetteur``; ``registre``, the registry's keys (``cle``, ``au``); ``reponses``, the partner's;
            ``exige``.
    """
    return environment().get_template("chiffrement.txt").render(facts=facts).encode()
