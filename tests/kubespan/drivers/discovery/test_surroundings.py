import inspect
from dataclasses import replace

import pytest

from kubespan.drivers.discovery.service import DiscoveryConnection
from kubespan.drivers.discovery.surroundings import Connection, Entropy, Subscription
from kubespan.drivers.entropy import SystemEntropy
from tests.builders import CLUSTER_ID, a_secret, a_service


@pytest.mark.parametrize(
    ("wanted", "real"),
    [(Connection, DiscoveryConnection), (Entropy, SystemEntropy)],
)
def test_real_thing_offers_what_clients_need(wanted: type, real: type):
    names = [name for name in vars(wanted) if not name.startswith("_")]

    for name in names:
        needed = inspect.signature(getattr(wanted, name)).parameters
        assert list(inspect.signature(getattr(real, name)).parameters) == list(needed)


def test_any_change_makes_another_subscription():
    one = Subscription(a_service(), CLUSTER_ID, a_secret(), "me")

    assert one == Subscription(a_service(), CLUSTER_ID, a_secret(), "me")
    assert one != replace(one, service=a_service("two"))
    assert one != replace(one, secret=a_secret("new"))
    assert one != replace(one, node_id="you")
    assert one != replace(one, cluster_id="other")
