import pytest

from kubespan.drivers.host.failures import Failures
from kubespan.errors import DriverError

ONE = DriverError("add route", "no such link", 19)
TWO = DriverError("add rule", "not allowed", 1)


def what_is_raised(*errors: DriverError) -> DriverError | None:
    failures = Failures("change everything")
    for error in errors:
        with failures.kept():
            raise error
    try:
        failures.raise_if_any()
    except DriverError as raised:
        return raised
    return None


def test_nothing_failed_nothing_raised() -> None:
    assert what_is_raised() is None


def test_the_only_failure_is_raised_as_it_was() -> None:
    assert what_is_raised(ONE) is ONE


def test_several_failures_are_one_that_names_them_all() -> None:
    raised = what_is_raised(ONE, TWO)

    assert str(raised) == (
        "change everything: add route: no such link; add rule: not allowed"
    )
    assert raised is not None
    assert raised.errno == 19


def test_anything_else_is_a_bug_and_not_kept() -> None:
    failures = Failures("change everything")

    with pytest.raises(ZeroDivisionError), failures.kept():
        raise ZeroDivisionError
