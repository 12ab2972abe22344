"""A decision: previewed, then applied to the very rows that were previewed, as they were."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from desk import words
from desk.causes import choices
from desk.drafts import MOST, Draft, TheDraft, pack
from desk.effects import summed_up
from desk.filters import unpacked
from desk.needs import After, Key, Reader, Signed, ThePage, Writer
from desk.pages import Page
from loaders.errors import UsageError
from pipelines import audit, causes
from pipelines.decide import Effect, decide
from pipelines.search import some_entries

router = APIRouter()

_OUTCOMES = {
    "INTEGRE": ("ligne intégrée", "lignes intégrées"),
    "EN_ATTENTE": ("ligne attend encore", "lignes attendent encore"),
    "REJETE": ("ligne rejetée", "lignes rejetées"),
    "DOUBLON": ("ligne reçue en double", "lignes reçues en double"),
}
#: Rows of a preview that are shown one by one.
SHOWN = 50


@router.post("/apercu", name="preview")
def preview(page: ThePage, reader: Reader, writer: Writer, key: Key, person: Signed, draft: TheDraft) -> Response:
    """What the decision would do: done and rolled back. The rows of the preview travel with its form."""
    try:
        wanted = draft.wanted(reader)
        decision = draft.decision(person.name, rehearsal=True)
        effect = decide(writer, key, decision, wanted, preview=True)
    except UsageError as error:
        return _draft(page, draft, str(error))
    shown = [fate.entry for fate in effect.fates[:SHOWN]]
    audit.looked(reader, person.name, audit.DESK, "apercu", shown, records=0)
    fates = {fate.entry: fate for fate in effect.fates}
    decided = {number: wanted[number] or 0 for number in fates}
    return page.show(
        "apercu.html",
        draft=draft,
        effect=effect,
        summary=summed_up(effect, decision),
        selection=pack(decided),
        rows=[one | {"sort": fates[one["id"]]} for one in some_entries(reader, key, shown)],
        left_out=max(0, _size(reader, draft) - MOST) if draft.whole and not draft.ticked else 0,
        **_frame(page, draft, effect),
    )


@router.post("/decider", name="decide")
def apply(
    page: ThePage, reader: Reader, writer: Writer, key: Key, person: Signed, after: After, draft: TheDraft
) -> Response:
    """Apply the decision; rows that left or changed since the preview stay as they are, and that is told."""
    try:
        if draft.whole and not draft.ticked:
            raise UsageError("une cause entière se décide sur son aperçu")
        effect = decide(writer, key, draft.decision(person.name), draft.wanted(reader))
    except UsageError as error:
        return _draft(page, draft, str(error))
    after.owe(references=effect.references)
    done, warning = _told(effect), _left(effect, _size(reader, draft) if draft.whole else 0)
    told = {"warning": f"{done} {warning}"} if warning else {"done": done}
    settled = all(fate.outcome.name != "EN_ATTENTE" for fate in effect.fates)
    query = {"de": draft.back}
    if draft.entry is not None and not settled:
        return page.go("row", query, number=draft.entry, **told)
    if draft.entry is not None and draft.following is not None:
        return page.go("row", query, number=draft.following, **told)
    if draft.group is not None and _size(reader, draft):
        return page.go("cause", query, number=draft.group, **told)
    return page.go("causes", unpacked(draft.back), **told)


def _size(reader: Reader, draft: Draft) -> int:
    """Rows of the draft's cause now."""
    if draft.group is None:
        return 0
    try:
        return int(causes.cause(reader, draft.group)["lignes"])
    except UsageError:
        return 0


def _told(effect: Effect) -> str:
    """What was done, in one sentence."""
    counts = [words.plural(count, *_OUTCOMES[name]) for name, count in effect.counts().items()]
    return f"Décision n° {effect.number} : {', '.join(counts)}."


def _left(effect: Effect, remaining: int) -> str:
    """Rows that were not decided, and why; ``remaining``: rows that the cause still has."""
    gone, changed = len(effect.gone), len(effect.changed)
    still = remaining - changed - sum(fate.outcome.name == "EN_ATTENTE" for fate in effect.fates)
    sentences = []
    if gone:
        sentences.append(words.plural(gone, "ligne n’attendait plus.", "lignes n’attendaient plus."))
    if changed:
        one, many = "ligne changée", "lignes changées"
        sentences.append(f"{words.plural(changed, one, many)} par une autre décision, à revoir.")
    if still > 0:
        one, many = "ligne arrivée", "lignes arrivées"
        sentences.append(f"{words.plural(still, one, many)} depuis l’aperçu ou hors de lui, à décider encore.")
    return " ".join(sentences)


def _draft(page: Page, draft: Draft, problem: str) -> Response:
    """The form again, with what is wrong with it; nothing typed is lost."""
    return page.show(
        "apercu.html",
        400,
        failed=problem,
        draft=draft,
        effect=None,
        summary=None,
        selection=draft.ticked,
        rows=[],
        left_out=0,
        **_frame(page, draft, None),
    )


def _frame(page: Page, draft: Draft, effect: Effect | None) -> dict[str, Any]:
    """Where the page leads back to, and what its form offers."""
    back = page.url("causes", unpacked(draft.back))
    if draft.group is not None:
        back = page.url("cause", {"de": draft.back}, number=draft.group)
    if draft.entry is not None:
        back = page.url("row", {"de": draft.back}, number=draft.entry)
    before = sorted({code for fate in effect.fates for code in fate.before}) if effect else []
    return {"back": back, **choices(draft.layout, before, None)}
