import pytest

from kubespan.controllers.affiliate import AFFILIATE
from kubespan.model.affiliate import KubeSpanAffiliate, Registry
from tests.builders import an_affiliate, raw, run_controller

BARE = an_affiliate(operating_system="Kubernetes", kubespan=KubeSpanAffiliate())


@pytest.mark.checklist(16)
def test_kubernetes_is_the_base_and_the_service_comes_on_top():
    service = an_affiliate(hostname="service.example", operating_system="service")

    found, _ = run_controller(AFFILIATE, raw(service), raw(BARE, Registry.KUBERNETES))

    assert found is not None
    (merged,) = found
    assert merged.hostname == "service.example"
    assert merged.operating_system == "Kubernetes"
    assert merged.kubespan == service.kubespan


def test_losing_the_source_with_the_mesh_part_clears_it():
    found, _ = run_controller(AFFILIATE, raw(BARE, Registry.KUBERNETES))

    assert found == [BARE]


def test_losing_the_last_source_removes_the_affiliate():
    assert run_controller(AFFILIATE)[0] == []
