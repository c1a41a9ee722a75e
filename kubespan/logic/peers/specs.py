"""Affiliates become peers: what each claims, and who keeps what two of them claim.

Every node computes this from the same affiliates in the same order and so comes to the
same owners, itself left out. Refused by us though not by Talos, because one node's
mistake must not swallow the traffic of all: whole internets, loopback, multicast and
link-local addresses, and addresses inside the mesh that are not the node's own.

Source:
    kubespan.md section 4.1.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Address, ip_network
from typing import Final

from kubespan.logic.identity.addressing import is_kubespan_ula
from kubespan.logic.peers.endpoints import usable_endpoints
from kubespan.logic.peers.names import name_node
from kubespan.logic.peers.overlaps import divide_spans
from kubespan.logic.prefixes import (
    Span,
    merge_spans,
    networks_from_spans,
    overlap_any,
    span_of_address,
    span_of_network,
    subtract_spans,
)
from kubespan.model.address import Network
from kubespan.model.affiliate import Affiliate
from kubespan.model.identity import MeshIdentity
from kubespan.model.keys import PublicKey
from kubespan.model.peer import PeerSpec

SHORTEST_IPV4_BITS: Final = 8
SHORTEST_IPV6_BITS: Final = 16
"""Shorter advertised networks are taken for a mistake."""

_NEVER_PEERS: Final = tuple(
    span_of_network(ip_network(text))
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/127",
        "fe80::/10",
        "ff00::/8",
    )
)


@dataclass(frozen=True, slots=True)
class PeerClaim:
    """What one affiliate wants to be as a peer, before others are looked at.

    Attributes:
        spec: with everything claimed; None when it cannot be a peer.
        spans: the same as ``spec.allowed_ips``; merged.
        complaints: what was refused and why, for operators.
    """

    node_id: str
    spec: PeerSpec | None
    spans: tuple[Span, ...] = ()
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers, and what operators should know of them.

    Attributes:
        specs: sorted by node ID; one per public key; allowed IPs disjoint.
        complaints: texts by node ID.
    """

    specs: tuple[PeerSpec, ...]
    complaints: dict[str, str]


def claim_from_affiliate(
    affiliate: Affiliate, mesh: MeshIdentity, endpoint_filters: Sequence[str] | None
) -> PeerClaim | None:
    """Return what an affiliate claims as a peer; None when it has no KubeSpan.

    Args:
        affiliate: another node.
        mesh: ourselves; nobody may claim our key or our mesh address.
        endpoint_filters: for endpoints received from peers; None lets all through.
    """
    if not affiliate.kubespan.public_key:
        return None
    name = name_node(affiliate.node_id, affiliate.nodename, affiliate.hostname)
    try:
        public_key = PublicKey.from_base64(affiliate.kubespan.public_key)
    except ValueError as error:
        return _refusal(affiliate, f"peer {name} is left out: {error}")
    ip = affiliate.kubespan.address
    if public_key == mesh.public_key:
        return _refusal(affiliate, f"peer {name} is left out: it has our own key")
    if not isinstance(ip, IPv6Address) or not is_kubespan_ula(ip):
        return _refusal(affiliate, f"peer {name} is left out: no valid mesh address")
    spans, refused = _claimed_spans(affiliate, ip, mesh)
    endpoints, nonsense = usable_endpoints(
        affiliate.kubespan.endpoints, mesh.subnet, endpoint_filters
    )
    spec = PeerSpec(
        public_key=public_key,
        node_id=affiliate.node_id,
        address=ip,
        allowed_ips=networks_from_spans(spans),
        endpoints=endpoints,
        label=affiliate.nodename,
        hostname=affiliate.hostname,
    )
    complaints = _describe_refused(name, refused, nonsense)
    return PeerClaim(affiliate.node_id, spec, spans, complaints)


def settle_claims(claims: Iterable[PeerClaim]) -> Peers:
    """Return the peers: of claims that overlap, the lower node ID keeps its own.

    Of several claims with one key the highest node ID is the peer, and only it claims.

    Args:
        claims: sorted by node ID.
    """
    given = tuple(claims)
    said = {
        claim.node_id: list(claim.complaints) for claim in given if claim.complaints
    }
    spec_by_rank, spans = _one_per_key(given, said)
    division = divide_spans(spans)
    specs = list(spec_by_rank)
    for rank, kept in division.kept_by_loser.items():
        loser, winner = spec_by_rank[rank], spec_by_rank[division.winner_by_loser[rank]]
        specs[rank] = replace(loser, allowed_ips=networks_from_spans(kept))
        said.setdefault(loser.node_id, []).append(_describe_loss(loser, winner, kept))
    return Peers(tuple(specs), {key: "; ".join(texts) for key, texts in said.items()})


def _one_per_key(
    claims: Iterable[PeerClaim], said: dict[str, list[str]]
) -> tuple[list[PeerSpec], list[tuple[Span, ...]]]:
    """Return specs and spans in parallel; say which claims a later one replaced."""
    by_key: dict[bytes, tuple[PeerSpec, tuple[Span, ...]]] = {}
    for claim in claims:
        if claim.spec is None:
            continue
        earlier = by_key.pop(claim.spec.public_key.raw, None)
        if earlier is not None:
            said.setdefault(earlier[0].node_id, []).append(
                _describe_replaced(earlier[0], claim.spec)
            )
        by_key[claim.spec.public_key.raw] = (claim.spec, claim.spans)
    kept = by_key.values()
    return [spec for spec, _ in kept], [spans for _, spans in kept]


def _claimed_spans(
    affiliate: Affiliate, ip: IPv6Address, mesh: MeshIdentity
) -> tuple[tuple[Span, ...], list[str]]:
    """Return merged spans, and in words what was refused."""
    subnet = span_of_network(mesh.subnet)
    forbidden = (*_NEVER_PEERS, subnet)
    own = span_of_address(ip)
    wanted: list[Span] = []
    refused: list[str] = []
    for text, span, too_wide in _offers(affiliate):
        if span == own:
            continue
        if too_wide or overlap_any(span, forbidden):
            refused.append(text)
        else:
            wanted.append(span)
    excluded = merge_spans(
        span_of_network(prefix.network)
        for prefix in affiliate.kubespan.exclude_advertised_networks
    )
    spans = merge_spans((*subtract_spans(merge_spans(wanted), excluded), own))
    ours = span_of_address(mesh.ip)
    if own == ours:
        refused.append(f"{ip} (our own mesh address)")
        spans = subtract_spans(spans, (ours,))
    return spans, refused


def _offers(affiliate: Affiliate) -> Iterator[tuple[str, Span, bool]]:
    """Yield text, span and whether it is too wide, of all a node says it has."""
    for prefix in affiliate.kubespan.additional_addresses:
        network = prefix.network
        yield str(prefix), span_of_network(network), _is_too_wide(network)
    for ip in affiliate.addresses:
        yield str(ip), span_of_address(ip), False


def _is_too_wide(network: Network) -> bool:
    if isinstance(network, IPv4Network):
        return network.prefixlen < SHORTEST_IPV4_BITS
    return network.prefixlen < SHORTEST_IPV6_BITS


def _refusal(affiliate: Affiliate, complaint: str) -> PeerClaim:
    return PeerClaim(affiliate.node_id, None, complaints=(complaint,))


def _describe_refused(name: str, refused: list[str], nonsense: int) -> tuple[str, ...]:
    complaints = []
    if refused:
        shown = ", ".join(refused[:3]) + (", ..." if len(refused) > 3 else "")
        complaints.append(
            f"peer {name} claims addresses it may not have, ignored: {shown}"
        )
    if nonsense:
        complaints.append(f"peer {name} has {nonsense} unusable endpoints, ignored")
    return tuple(complaints)


def _describe_replaced(earlier: PeerSpec, later: PeerSpec) -> str:
    return (
        f"{_name(earlier)} and {_name(later)} have the same key {later.key}: "
        f"the latter, with the higher node ID, is the peer"
    )


def _describe_loss(loser: PeerSpec, winner: PeerSpec, kept: Sequence[Span]) -> str:
    left = "the rest" if kept else "nothing"
    return (
        f"peer {_name(loser)} claims what {_name(winner)} claims too: "
        f"the lower node ID, {_name(winner)}, keeps it; {_name(loser)} keeps {left}"
    )


def _name(spec: PeerSpec) -> str:
    return name_node(spec.node_id, spec.label, spec.hostname)
