"""What a flag is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    Attributes:
        name: without dashes.
        field: of ``Settings``; empty for one that only changes others.
        parse: from text to value; raises ``ValueError`` with a sentence.
        metavar: what stands for its value in the help.
        help: one sentence, with the default.
        choices: the only values, if there are few.
    """

    name: str
    field: str
    parse: Callable[[str], object]
    metavar: str
    help: str
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Flags about one subject, under one heading of the help."""

    title: str
    flags: tuple[Flag, ...]
