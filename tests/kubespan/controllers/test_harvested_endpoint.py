import pytest

from kubespan.controllers.harvested_endpoint import HARVESTED_ENDPOINT
from tests.builders import a_config, a_peer_status, an_affiliate, run_controller

HARVEST = a_config({"harvest_extra_endpoints": True})


@pytest.mark.checklist(60)
def test_endpoints_of_peers_that_are_up_are_harvested_where_wanted():
    status = a_peer_status()

    found, _ = run_controller(HARVESTED_ENDPOINT, HARVEST, an_affiliate(), status)

    assert found is not None
    assert [(item.affiliate_id, item.endpoint) for item in found] == [
        ("node-b", status.endpoint)
    ]


@pytest.mark.checklist(60)
@pytest.mark.parametrize(
    "kubespan", [{}, {"harvest_extra_endpoints": True, "enabled": False}]
)
def test_harvesting_is_off_by_default(kubespan):
    config = a_config(kubespan)

    found, _ = run_controller(
        HARVESTED_ENDPOINT, config, an_affiliate(), a_peer_status()
    )

    assert found == []
    assert run_controller(HARVESTED_ENDPOINT)[0] is None
