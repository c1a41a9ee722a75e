"""What can be stored: immutable, typed, with a key."""

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable


@runtime_checkable
class Resource(Protocol):
    """A frozen value that names itself among its kind."""

    @property
    def key(self) -> str:
        """Unique among resources of the same type."""
        ...


R = TypeVar("R", bound=Resource)
Kind = type[Resource]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a controller, source or sink wants an operator to know.

    Attributes:
        author: name of the row in the wiring.
        subject: what it is about; one notice per author and subject.
        text: one line, with what to do about it where that is known.
    """

    author: str
    subject: str
    text: str

    @property
    def key(self) -> str:
        """``author/subject``."""
        return f"{self.author}/{self.subject}"


@dataclass(frozen=True, slots=True)
class EdgeStatus:
    """How a source or a sink is doing.

    Attributes:
        error: why the last attempt failed; empty when it did not.
        attempts: failures in a row.
        next_attempt_ns: wall clock of the next try; 0 when none is due.
    """

    name: str
    error: str = ""
    attempts: int = 0
    next_attempt_ns: int = 0

    @property
    def key(self) -> str:
        """The row's name."""
        return self.name
