"""Endpoints: ours to announce, those of others to try, one after the other.

Source:
    kubespan.md sections 2.4 and 4.4.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

from kubespan.logic.affiliates.endpoint_filter import filter_by_ip
from kubespan.logic.identity.addressing import is_kubespan_ula, is_siderolink_ula
from kubespan.model.address import IPAddress
from kubespan.model.endpoint import Endpoint

_BROADCAST: Final = IPv4Address("255.255.255.255")


def announceable_ips(
    current: Iterable[IPAddress],
    public: Iterable[IPAddress],
    own_mesh_ip: IPAddress | None,
    filters: Sequence[str] | None,
) -> tuple[IPAddress, ...]:
    """Return the addresses at which we say we can be reached.

    Args:
        current: ours, Kubernetes' own left out (section 2.3, *current-no-k8s*).
        public: as others saw us; appended where new.
        own_mesh_ip: never an endpoint, it would need the tunnel it is to carry.
        filters: None lets everything through.
    """
    own = (ip for ip in current if ip != own_mesh_ip and not is_siderolink_ula(ip))
    ips = tuple(dict.fromkeys((*own, *public)))
    if filters is None:
        return ips
    return filter_by_ip(ips, filters, lambda ip: ip)


def announced_endpoints(
    ips: Iterable[IPAddress], port: int, extra: Iterable[Endpoint]
) -> tuple[Endpoint, ...]:
    """Return addresses with a port, then extra endpoints, without repeats."""
    return tuple(dict.fromkeys((*(Endpoint(ip, port) for ip in ips), *extra)))


def usable_endpoints(
    endpoints: Iterable[Endpoint],
    mesh_prefix: IPv6Network,
    filters: Sequence[str] | None,
) -> tuple[tuple[Endpoint, ...], int]:
    """Return a peer's endpoints worth trying, and how many are nonsense.

    Kept in order, without repeats, IPv4-mapped ones as IPv4; those that a filter drops
    are no nonsense.
    """
    given = tuple(dict.fromkeys(endpoint.unmapped for endpoint in endpoints))
    usable = tuple(e for e in given if _leads_somewhere(e, mesh_prefix))
    nonsense = len(given) - len(usable)
    if filters is not None:
        usable = filter_by_ip(usable, filters, lambda endpoint: endpoint.ip)
    return usable, nonsense


def pick_endpoint(
    endpoints: Sequence[Endpoint], last_used: Endpoint | None, current: Endpoint | None
) -> Endpoint | None:
    """Return the endpoint to try next; None when there is none, or nothing to change.

    Args:
        endpoints: a peer's, in the order published.
        last_used: what was set last; None for never.
        current: what the device uses now.

    Source:
        kubespan.md section 4.4, *Pick*.
    """
    distinct = tuple(dict.fromkeys(endpoints))
    if not distinct:
        return None
    if last_used is None or last_used not in distinct:
        return distinct[0]
    if distinct == (last_used,) and current == last_used:
        return None
    return distinct[(distinct.index(last_used) + 1) % len(distinct)]


def _leads_somewhere(endpoint: Endpoint, mesh_prefix: IPv6Network) -> bool:
    """Tell whether a packet to it can leave this host and reach a socket.

    An endpoint inside the mesh would need the tunnel it is to carry.
    """
    ip = endpoint.ip
    odd = ip.is_loopback or ip.is_unspecified or ip.is_multicast or ip == _BROADCAST
    # needs a link of the sender's, which nobody else can name
    bound = isinstance(ip, IPv6Address) and (ip.is_link_local or bool(ip.scope_id))
    inside = ip in mesh_prefix or is_kubespan_ula(ip)
    return bool(endpoint.port) and not (odd or bound or inside)
