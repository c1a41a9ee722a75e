"""Attempt every part of a piece of work, then say what failed."""

from collections.abc import Iterator
from contextlib import contextmanager

from kubespan.errors import DriverError


class Failures:
    """What went wrong among independent parts; one of them stops no other.

    ::

        failures = Failures("change routes")
        for route in routes:
            with failures.kept():
                await add(route)
        failures.raise_if_any()

    Args:
        operation: verb and object of the whole.
    """

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._errors: list[DriverError] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the DriverError raised inside for the end."""
        try:
            yield
        except DriverError as error:
            self._errors.append(error)

    def raise_if_any(self) -> None:
        """Say what failed.

        Raises:
            DriverError: the only one as it was; several as one that names them all.
        """
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            reasons = "; ".join(map(str, self._errors))
            raise DriverError(self._operation, reasons, self._errors[0].errno)
