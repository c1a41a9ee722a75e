"""What is valid and yet probably not meant."""

from collections.abc import Callable
from typing import Final

from kubespan.config.agreement import CONTROL_PLANE_TYPES
from kubespan.model.config import Config


def config_hints(config: Config) -> tuple[str, ...]:
    """Return one sentence for each thing an operator should look at; may be empty."""
    return tuple(text for doubt, text in _HINTS if doubt(config))


def _lets_nothing_through(filters: tuple[str, ...] | None) -> bool:
    return filters is not None and all(entry.startswith("!") for entry in filters)


_HINTS: Final[tuple[tuple[Callable[[Config], bool], str], ...]] = (
    (
        lambda config: not config.kubespan.enabled,
        "KubeSpan is not enabled: this node takes part in no mesh",
    ),
    (
        lambda config: config.discovery.kubernetes_registry,
        (
            "cluster.discovery.registries.kubernetes is on (unless disabled: true): "
            "its data is not encrypted, and it needs credentials that may list nodes"
        ),
    ),
    (
        lambda config: any(s.plaintext for s in config.discovery.services),
        "a discovery service is reached over http:// without TLS",
    ),
    (
        lambda config: _lets_nothing_through(config.kubespan.endpoint_filters),
        (
            "filters.endpoints lets no address through: entries with ! only take away "
            "from what entries before them let in"
        ),
    ),
    (
        lambda config: _lets_nothing_through(config.kubespan.peer_endpoint_filters),
        "filters.peerEndpoints lets no address through: no peer can be reached",
    ),
    (
        lambda config: config.host.machine_type in CONTROL_PLANE_TYPES,
        (
            "Talos nodes take a member of type controlplane or init for a Kubernetes "
            "API endpoint; this node must serve the API on all its addresses"
        ),
    ),
)
