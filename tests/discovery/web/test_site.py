import pytest

from discovery.service.store import StoreHealth
from discovery.web.site import Readiness

WELL = StoreHealth(ready=True)
DOWN = StoreHealth(ready=False, problem="etcd does not answer")


@pytest.mark.parametrize(
    ("readiness", "problems"),
    [
        pytest.param(
            Readiness(listening=True, draining=False, store=WELL), [], id="well"
        ),
        pytest.param(
            Readiness(listening=False, draining=False, store=WELL),
            ["starting"],
            id="start",
        ),
        pytest.param(
            Readiness(listening=True, draining=True, store=WELL),
            ["draining"],
            id="stop",
        ),
        pytest.param(
            Readiness(listening=True, draining=False, store=DOWN), ["store"], id="store"
        ),
        pytest.param(
            Readiness(listening=False, draining=True, store=DOWN),
            ["starting", "draining", "store"],
            id="all",
        ),
    ],
)
def test_every_reason_to_stay_away_is_told(
    readiness: Readiness, problems: list[str]
) -> None:
    assert list(readiness.problems) == problems


def test_store_with_a_problem_may_be_ready() -> None:
    full_disk = StoreHealth(ready=True, problem="no space left on device")

    readiness = Readiness(listening=True, draining=False, store=full_disk)

    assert readiness.problems == {}
    assert readiness.notices == {"store": "no space left on device"}


def test_store_that_is_not_ready_always_has_a_reason() -> None:
    readiness = Readiness(
        listening=True, draining=False, store=StoreHealth(ready=False)
    )

    assert readiness.problems == {"store": "the store is not ready"}
    assert readiness.notices == {}
