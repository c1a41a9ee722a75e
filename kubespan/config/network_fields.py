"""Settings that are addresses, networks and endpoints, each with its check.

A check takes what YAML gave and returns the value of the model; its errors carry the
texts of section 6.5.

Source:
    kubespan.md sections 2.4, 6.4 and 6.5.
"""

import re
from ipaddress import (
    IPv4Interface,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from kubespan.config.circumstances import (
    Circumstances,
    circumstances,
    refusal,
    text_of,
)
from kubespan.config.problems import shown
from kubespan.model.address import IPAddress, Network, Prefix
from kubespan.model.endpoint import Endpoint

_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_PREFIX: Final = re.compile(r"([0-9A-Fa-f:.]{2,45})/(?:0|[1-9][0-9]{0,2})")


def is_prefix(text: str) -> bool:
    """Tell whether ``text`` is ``address/length``, host bits allowed."""
    return _parse_prefix(text) is not None


def _parse_prefix(text: str) -> Prefix | None:
    # ipaddress alone would take netmasks, "/08" and zones as well
    if not _PREFIX.fullmatch(text):
        return None
    try:
        return ip_interface(text)
    except ValueError:
        return None


def _parse_address(text: str) -> IPAddress | None:
    try:
        return ip_address(text) if _ADDRESS.fullmatch(text) else None
    except ValueError:
        return None


def _filter(entry: str) -> str:
    plain = entry.removeprefix("!")
    if not is_prefix(plain) and _parse_address(plain) is None:
        raise refusal(f"KubeSpan endpoint filter is not valid: {shown(entry)}")
    return entry


def _excluded(value: object) -> Prefix:
    entry = text_of(value)
    prefix = _parse_prefix(entry)
    if prefix is None:
        said = "KubeSpan exclude advertised networks filter is not valid"
        raise refusal(f"{said}: {shown(entry)}")
    return prefix


def _forgive_unused(values: object, info: ValidationInfo) -> object:
    known = circumstances(info)
    if known.legacy and not known.kubespan and isinstance(values, list):
        return [v for v in values if not isinstance(v, str) or is_prefix(v)]
    return values


def _endpoint(value: object) -> Endpoint:
    entry = text_of(value)
    try:
        endpoint = Endpoint.from_text(entry)
    except ValueError:
        endpoint = None
    if endpoint is None or "%" in entry or endpoint.port == 0:
        raise refusal(f"not ip:port or [ipv6]:port: {shown(entry)}")
    return endpoint


def _advertised(value: object, info: ValidationInfo) -> Prefix:
    entry = text_of(value)
    prefix = _parse_prefix(entry)
    if prefix is None:
        raise refusal(f"not a network in CIDR form: {shown(entry)}")
    if prefix.network.prefixlen == 0:
        raise refusal(f"would draw all traffic of every peer to this node: {entry}")
    if prefix.is_loopback or prefix.is_multicast or prefix.is_link_local:
        raise refusal(f"loopback, link-local and multicast are never routed: {entry}")
    _refuse_mesh(prefix, circumstances(info))
    return prefix


def _refuse_mesh(prefix: Prefix, known: Circumstances) -> None:
    network = prefix.network
    mesh = known.mesh
    if mesh and isinstance(network, IPv6Network) and mesh.overlaps(network):
        raise refusal(f"{prefix} overlaps the cluster's own mesh network {mesh}")


def _network(value: object, info: ValidationInfo) -> Network:
    entry = text_of(value)
    prefix = _parse_prefix(entry)
    if prefix is None:
        raise refusal(f"not a network in CIDR form: {shown(entry)}")
    known = circumstances(info)
    if not known.legacy and prefix.ip != prefix.network.network_address:
        meant = prefix.network
        raise refusal(f"{entry} has bits behind its prefix; did you mean {meant}?")
    _refuse_mesh(prefix, known)
    return ip_network(entry, strict=False)


def _external(value: object, info: ValidationInfo) -> IPAddress:
    entry = text_of(value)
    address = _parse_address(entry)
    if address is None:
        raise refusal(f"not an IP address: {shown(entry)}")
    if address.is_unspecified or address.is_multicast or address.is_loopback:
        raise refusal(f"cannot be reached from other hosts: {entry}")
    _refuse_mesh(ip_interface(address), circumstances(info))
    return address


FilterEntry = Annotated[str, AfterValidator(_filter)]
ExcludedNetwork = Annotated[IPv4Interface | IPv6Interface, BeforeValidator(_excluded)]
ExcludedNetworks = Annotated[list[ExcludedNetwork], BeforeValidator(_forgive_unused)]
AnnouncedEndpoint = Annotated[Endpoint, BeforeValidator(_endpoint)]
AdvertisedNetwork = Annotated[
    IPv4Interface | IPv6Interface, BeforeValidator(_advertised)
]
KubernetesNetwork = Annotated[Network, BeforeValidator(_network)]
ExternalAddress = Annotated[IPAddress, BeforeValidator(_external)]
