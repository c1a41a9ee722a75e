"""Which destinations are forced into the mesh, and how far TCP is clamped.

Source:
    kubespan.md sections 4.8 and 4.9.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, TypeAlias

from kubespan.logic.identity.addressing import is_kubespan_ula
from kubespan.logic.prefixes import (
    Span,
    merge_spans,
    networks_from_spans,
    overlap_any,
    span_of_address,
    span_of_network,
)
from kubespan.model.address import IPAddress, Network
from kubespan.model.endpoint import Endpoint
from kubespan.model.firewall import FirewallSpec
from kubespan.model.peer import PeerSpec, PeerState, PeerStatus

_IPV4_HEADER_BYTES: Final = 20
_IPV6_HEADER_BYTES: Final = 40
_TCP_HEADER_BYTES: Final = 20
_TCP_OPTIONS_BYTES: Final = 12
_OWN_MAX: Final = 64
"""Own addresses a service on the loopback address may stand for."""

NetworkBySpan: TypeAlias = Mapping[Span, Network]


def qualifying_peers(
    specs: Iterable[PeerSpec], statuses: Mapping[str, PeerStatus], *, bypass_down: bool
) -> tuple[PeerSpec, ...]:
    """Return the peers whose destinations are forced into the mesh.

    Args:
        specs: all peers.
        statuses: by key text.
        bypass_down: only peers that are up; otherwise all, so that traffic to a peer
            that is down is lost rather than sent in the clear.
    """
    if not bypass_down:
        return tuple(specs)
    return tuple(
        spec
        for spec in specs
        if (status := statuses.get(spec.key)) and status.state is PeerState.UP
    )


def routed_networks_of(allowed_ips: Iterable[Network]) -> NetworkBySpan:
    """Return one peer's part of the routed set: mesh addresses need no mark."""
    return {
        span_of_network(network): network
        for network in allowed_ips
        if not is_kubespan_ula(network.network_address)
    }


def merge_routed(parts: Iterable[NetworkBySpan]) -> tuple[Network, ...]:
    """Return the routed set: sorted, disjoint, merged. Cost: O(n log n)."""
    known = dict(chain.from_iterable(part.items() for part in parts))
    routed: list[Network] = []
    for span in merge_spans(known):
        found = known.get(span)
        routed.extend((found,) if found else networks_from_spans((span,)))
    return tuple(routed)


def bypass_endpoints(
    services: Iterable[Endpoint],
    own_ips: Sequence[IPAddress],
    routed: Iterable[Network],
) -> tuple[Endpoint, ...]:
    """Return the discovery services whose TCP must not be forced into the mesh.

    Otherwise a node whose peer has a new key could not reach a service on that peer to
    learn it, and the service's host could not answer those that know its old key.

    Args:
        services: where discovery services are reached; one at the loopback address is
            on this host, and others reach it at any of ours.
        own_ips: this host's addresses.
        routed: the routed set.

    Returns:
        Those within the routed set or on this host; sorted, none twice.
    """
    wanted = {meant for service in services for meant in _meant(service, own_ips)}
    if not wanted:
        return ()
    own, spans = frozenset(own_ips), [span_of_network(network) for network in routed]
    needed = (
        service
        for service in wanted
        if service.ip in own or overlap_any(span_of_address(service.ip), spans)
    )
    return tuple(sorted(needed, key=lambda one: (span_of_address(one.ip), one.port)))


def _meant(service: Endpoint, own_ips: Sequence[IPAddress]) -> tuple[Endpoint, ...]:
    if not service.ip.is_loopback:
        return (service,)
    outer = [ip for ip in own_ips if not (ip.is_loopback or ip.is_link_local)]
    return tuple(Endpoint(ip, service.port) for ip in outer[:_OWN_MAX])


def firewall_spec(
    table: str,
    routed: tuple[Network, ...],
    mtu_bytes: int,
    bypass: tuple[Endpoint, ...] = (),
) -> FirewallSpec:
    """Return the packet filter; TCP is clamped to what fits into the link."""
    room_bytes = mtu_bytes - _TCP_HEADER_BYTES - _TCP_OPTIONS_BYTES
    return FirewallSpec(
        table=table,
        routed=routed,
        mss_ipv4_bytes=room_bytes - _IPV4_HEADER_BYTES,
        mss_ipv6_bytes=room_bytes - _IPV6_HEADER_BYTES,
        bypass=bypass,
    )
