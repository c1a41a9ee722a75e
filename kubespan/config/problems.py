"""What is wrong with a configuration, and where it stands."""

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SHOWN_MAX_CHARACTERS: Final = 100
_LOOKS_LIKE_A_KEY: Final = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")
_NEAR: Final = 0.6
_GUESS_MAX_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a character stands in the file; both numbers count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        path: keys from the document's start, such as ``machine.network``; may be empty.
        text: what is wrong; never quotes a secret.
    """

    place: Place
    path: str
    text: str

    def in_file(self, file: str) -> str:
        """Return ``file:line:column: path: text``, one line."""
        path = f"{self.path}: " if self.path else ""
        return f"{file}:{self.place.line}:{self.place.column}: {path}{self.text}"


def shown(text: str) -> str:
    """Return ``text`` in quotes, on one line, shortened; keys are not shown at all."""
    if _LOOKS_LIKE_A_KEY.search(text):
        return '"******"'
    if len(text) > SHOWN_MAX_CHARACTERS:
        text = text[:SHOWN_MAX_CHARACTERS] + "…"
    return json.dumps(text, ensure_ascii=not text.isprintable())


def path_of(*steps: str | int) -> str:
    """Return ``a.b[2].c``; empty steps are left out."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step:
            name = step if re.fullmatch(r"[\w/.-]{1,100}", step) else shown(step)
            path += f".{name}" if path else name
    return path


def nearest(word: str, known: Iterable[str], near: float = _NEAR) -> str | None:
    """Return the known word that was most likely meant; None if none is near."""
    by_lower = {name.lower(): name for name in known}
    guess = word[:_GUESS_MAX_CHARACTERS].lower()
    found = difflib.get_close_matches(guess, by_lower, n=1, cutoff=near)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?``, or nothing if nothing is near."""
    meant = nearest(word, known)
    return f"; did you mean {meant}?" if meant else ""
