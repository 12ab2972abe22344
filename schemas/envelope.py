"""Encrypted files, in words: why one could not be opened, and what its sender can do."""

from __future__ import annotations

import re

#: Ending of a file that was encrypted with age.
SUFFIX = ".age"

#: What tells a partner which keys are in use, in its ``retour/``.
NOTICE = "chiffrement.txt"
#: Delivered in the clear to everybody: they tell of files and accounts and hold no row of anybody, and a partner whose
#: key is lost or wrong must be able to read them.
_CLEAR = re.compile(
    rf".*\.(ar|incident)\.json|(compte-inutilise|depot-en-souffrance)\.(html|json)|{re.escape(NOTICE)}", re.DOTALL
)


def tells_of_nobody(name: str) -> bool:
    """Whether what is delivered under this name goes in the clear, whatever key its receiver gave."""
    return _CLEAR.fullmatch(name) is not None


#: Why a file is refused for its envelope (``ledger.submission.age_fault``), and what to do, in French.
FAULTS = {
    "ILLISIBLE": "Ce fichier n'est pas un fichier age : chiffrez-le avec la commande age avant de le nommer .age.",
    "ARMURE": "Ce fichier est chiffré en texte (option -a) : chiffrez-le sans cette option.",
    "EN_TETE": "Ce fichier est chiffré pour trop de clés : chiffrez-le pour celle du registre, et une ou deux autres.",
    "AUTRE_CLE": "Ce fichier n'est pas chiffré pour la clé du registre (clé d'un autre, ou phrase de passe).",
    "ANCIENNE_CLE": "Ce fichier est chiffré pour une clé du registre qui ne sert plus : prenez celle en vigueur.",
    "ALTERE": "Ce fichier chiffré est tronqué ou altéré : chiffrez-le de nouveau et déposez-le en entier.",
    "DEUX_FOIS": "Ce fichier est chiffré deux fois : chiffrez le fichier CSV lui-même, une seule fois.",
    "SANS_SUFFIXE": "Ce fichier est chiffré, mais son nom ne finit pas par .age : déposez-le sous le nom voulu.",
    "EN_CLAIR": "Vos fichiers doivent arriver chiffrés, et celui-ci est en clair : déposez-le de nouveau, chiffré.",
}
