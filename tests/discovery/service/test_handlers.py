from types import SimpleNamespace

import pytest

from discovery.metrics.metrics import Metrics
from discovery.service.cluster_service import ClusterService
from discovery.service.handlers import SERVICE_NAME, handler_from_service
from discovery.service.watchers import Watchers
from discovery.state.clusters import Clusters
from discovery.stores.memory import MemoryStore
from tests.fakes.calls import some_interceptors


# Source: discovery.md 1.1.
@pytest.mark.parametrize(
    ("method", "streams"),
    [
        ("Hello", False),
        ("AffiliateUpdate", False),
        ("AffiliateDelete", False),
        ("List", True),  # one reply, the same on the wire
        ("Watch", True),
    ],
)
def test_method_is_served_under_its_name(method: str, streams: bool) -> None:
    clusters, watchers = Clusters(), Watchers()
    store = MemoryStore(
        clusters, watchers.announce, lambda: 0, Metrics(), watchers.is_watched
    )
    service = ClusterService(clusters, store, watchers)
    table = handler_from_service(service, some_interceptors())

    path = SimpleNamespace(method=f"/sidero.discovery.server.Cluster/{method}")
    handler = table.service(path)

    assert SERVICE_NAME == "sidero.discovery.server.Cluster"
    assert handler.response_streaming is streams
    assert handler.request_deserializer is None
