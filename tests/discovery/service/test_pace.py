import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.service.pace import Pace

LONG_AGO_S = float("-inf")
seconds = st.floats(0, 1000)


@pytest.mark.parametrize(
    ("changed_s", "told_s", "watchers", "due_s"),
    [
        pytest.param(50, LONG_AGO_S, 500, 50.005, id="quiet: a few milliseconds"),
        pytest.param(50, 50, 1, 50.005, id="busy, one watcher: as if it were quiet"),
        pytest.param(50, 50, 100, 50.02, id="busy: a fifth of a millisecond for each"),
        pytest.param(50.019, 50, 100, 50.024, id="nearly quiet: the later of the two"),
        pytest.param(50, 50, 500, 50.1, id="busy, many: a tenth of a second"),
        pytest.param(50, 50, 10_000, 50.1, id="busy, a crowd: never more"),
    ],
)
def test_change_is_told_soon_or_with_others(
    changed_s: float, told_s: float, watchers: int, due_s: float
) -> None:
    assert Pace().due_s(changed_s, told_s, watchers) == pytest.approx(due_s)


@given(changed_s=seconds, told_s=seconds, watchers=st.integers(0), delay_s=seconds)
def test_nothing_waits_longer_than_allowed(
    changed_s: float, told_s: float, watchers: int, delay_s: float
) -> None:
    changed_s = max(changed_s, told_s)

    due_s = Pace(delay_s).due_s(changed_s, told_s, watchers)

    assert changed_s <= due_s <= changed_s + delay_s


def test_nothing_waits_if_nothing_may() -> None:
    assert Pace(0.0).due_s(50.0, 50.0, 1000) == 50.0
