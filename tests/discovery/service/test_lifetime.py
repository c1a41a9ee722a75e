import pytest

from discovery.service.lifetime import Lifetime
from discovery.service.store import StoreHealth


@pytest.mark.parametrize(
    ("listening", "draining", "store_ready", "ready"),
    [
        pytest.param(True, False, True, True, id="serving"),
        pytest.param(False, False, True, False, id="not listening yet"),
        pytest.param(True, True, True, False, id="draining"),
        pytest.param(True, False, False, False, id="store is away"),
    ],
)
def test_clients_are_wanted_while_all_is_well(
    listening: bool, draining: bool, store_ready: bool, ready: bool
) -> None:
    lifetime = Lifetime()
    lifetime.listening, lifetime.draining = listening, draining
    lifetime.read_store = lambda: StoreHealth(ready=store_ready)

    assert lifetime.is_ready is ready


def test_nobody_is_wanted_before_records_are_loaded() -> None:
    lifetime = Lifetime()
    lifetime.listening = True

    assert not lifetime.is_ready
    assert lifetime.read_store().problem.startswith("starting")
