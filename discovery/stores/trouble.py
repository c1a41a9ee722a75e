"""What goes wrong with a disk, and how often it is said."""

import logging

log = logging.getLogger(__name__)


class StoreError(Exception):
    """The store cannot do its work; the operator can help. The text says how."""


class StoreInUse(StoreError):  # noqa: N818 - a state, as a sentence says it
    """Another service keeps its records at the same path."""


class NotSaved(StoreError):  # noqa: N818 - a state, as a sentence says it
    """The last snapshot could not be written."""


class Trouble:
    """Says once that something fails, and once that it works again.

    Attributes:
        problem: one sentence for the operator; empty if all is well.
    """

    def __init__(self) -> None:
        self.problem = ""

    def began(self, problem: str, **fields: object) -> None:
        """Note a failure; only the first of a row is logged."""
        if not self.problem:
            log.error(problem, extra={"fields": fields})
        self.problem = problem

    def ended(self) -> None:
        """Note a success."""
        if self.problem:
            log.info("records are written to disk again", extra={"fields": {}})
        self.problem = ""


def reason_of(error: OSError) -> str:
    """Return why the host refused, in its own words."""
    return error.strerror or str(error)
