"""The discovery service of a lab."""

import signal
from collections.abc import Iterator

import pytest

from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab
from kubespan.lab.service import LabDiscovery
from kubespan.lab.topology import DISCOVERY_PORT, LabSpec

NAME = "servicetest"
pytestmark = pytest.mark.netns


@pytest.fixture
def service() -> Iterator[LabDiscovery]:
    spec = LabSpec(NAME, 1, 0)
    with Lab.create(spec, start=False, replace_running=True) as lab:
        yield lab.discovery


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_comes_and_goes(service: LabDiscovery, number: int) -> None:
    service.start()
    service.stop(number)
    stopped = not service.is_running
    service.start()

    assert stopped
    assert service.is_running


def test_it_is_started_once(service: LabDiscovery) -> None:
    service.start()

    with pytest.raises(LabError, match="runs already"):
        service.start()


def test_stopping_what_does_not_run_is_fine(service: LabDiscovery) -> None:
    service.stop()

    assert not service.is_running


def test_its_last_words_are_in_the_error(service: LabDiscovery) -> None:
    service.options = ("--no-such-option",)

    with pytest.raises(LabError, match="no-such-option"):
        service.start()


def test_it_takes_no_port_but_its_own(service: LabDiscovery) -> None:
    service.start()

    listening = service.place.run(["ss", "-ltnH"]).stdout.split()
    ports = {word.rpartition(":")[2] for word in listening if ":" in word}
    assert ports == {str(DISCOVERY_PORT), "*"}
