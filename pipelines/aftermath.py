"""Aftermath: what a decision sets going: rows that waited for what it brought, follow-ups, lists, questions."""

from __future__ import annotations

from dataclasses import dataclass, field

from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import Connection
from pipelines.answer import answer_all
from pipelines.declare import declare
from pipelines.isolate import Troubles
from pipelines.questions import deliver
from pipelines.release import release


@dataclass
class Aftermath:
    """What was done: rows released by outcome, follow-ups and questions delivered, lists renewed."""

    released: dict[str, int] = field(default_factory=dict)
    follow_ups: int = 0
    lists: int = 0
    questions: int = 0
    troubles: Troubles = field(default_factory=Troubles)

    def as_json(self) -> dict[str, object]:
        return {
            "leves": self.released,
            "suivis": self.follow_ups,
            "listes_a_declarer": self.lists,
            "questions": self.questions,
            "difficultes": len(self.troubles),
        }


def follow_through(
    client: SftpClient, connection: Connection, settings: Settings, key: RegistryKey, *, references: bool = True
) -> Aftermath:
    """Let go what a decision freed and tell everyone concerned.

    Args:
        references: whether references came in, that other rows may wait for.
    """
    done = Aftermath()
    if references:
        done.released = release(connection, settings, key, done.troubles)
    _, done.follow_ups = answer_all(client, connection, settings, done.troubles)
    done.lists = declare(client, connection, key, done.troubles)
    done.questions = deliver(client, connection, key, done.troubles)
    return done
