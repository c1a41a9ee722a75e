"""Affiliates and endpoints to the bytes that are sealed, and back.

Source:
    kubespan.md section 3.3; discovery.md section 1.3.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from kubespan.errors import WireError
from kubespan.model.address import IPAddress, Prefix
from kubespan.model.affiliate import (
    Affiliate,
    ControlPlane,
    KubeSpanAffiliate,
    MachineType,
)
from kubespan.model.constants import ID_MAX_BYTES
from kubespan.model.endpoint import PORT_MAX, Endpoint
from kubespan.wire import affiliate_pb2 as pb
from kubespan.wire.ip import decode_ip, encode_ip

T = TypeVar("T")
E = TypeVar("E")

_WORKER_TEXTS: Final = frozenset({"worker", "join", ""})


@dataclass(frozen=True, slots=True)
class DecodedAffiliate:
    """An affiliate and how much of it made no sense.

    Attributes:
        affiliate: without endpoints; they travel separately.
        skipped: addresses, prefixes and ports that were left out.
    """

    affiliate: Affiliate
    skipped: int


def encode_affiliate(affiliate: Affiliate) -> bytes:
    """Return the protobuf bytes; endpoints are not inside.

    Equal affiliates give equal bytes. Without a public key there is no KubeSpan part.
    """
    message = pb.Affiliate(
        node_id=affiliate.node_id,
        addresses=[encode_ip(ip) for ip in affiliate.addresses],
        hostname=affiliate.hostname,
        nodename=affiliate.nodename,
        machine_type=str(affiliate.machine_type),
        operating_system=affiliate.operating_system,
    )
    if affiliate.kubespan.public_key:
        message.kubespan.CopyFrom(_kubespan_message(affiliate.kubespan))
    if affiliate.control_plane is not None:
        message.control_plane.api_server_port = affiliate.control_plane.port
        message.control_plane.SetInParent()
    return message.SerializeToString(deterministic=True)


def decode_affiliate(raw: bytes) -> Affiliate:
    """Return the affiliate; single items that make no sense are left out.

    Raises:
        WireError: no affiliate at all, or one without a node ID.
    """
    return decode_affiliate_counting(raw).affiliate


def decode_affiliate_counting(raw: bytes) -> DecodedAffiliate:
    """Return the affiliate and the number of items left out.

    Raises:
        WireError: no affiliate at all, or one without a node ID.
    """
    try:
        message = pb.Affiliate.FromString(raw)
    except DecodeError as error:
        raise WireError("affiliate: not the bytes of an affiliate") from error
    if not 1 <= len(message.node_id.encode()) <= ID_MAX_BYTES:
        raise WireError(f"affiliate: node ID is not 1..{ID_MAX_BYTES} bytes")
    addresses, skipped = _decode_each(_required_ip, message.addresses)
    affiliate = Affiliate(
        node_id=message.node_id,
        addresses=addresses,
        hostname=message.hostname,
        nodename=message.nodename,
        operating_system=message.operating_system,
        machine_type=machine_type_from_text(message.machine_type),
    )
    affiliate, more = _with_optional_parts(affiliate, message)
    return DecodedAffiliate(affiliate, skipped + more)


def machine_type_from_text(text: str) -> MachineType:
    """Return the role; ``join`` and nothing at all mean worker (section 3.3)."""
    if text in _WORKER_TEXTS:
        return MachineType.WORKER
    try:
        return MachineType(text)
    except ValueError:
        return MachineType.UNKNOWN


def encode_endpoint(endpoint: Endpoint) -> bytes:
    """Return canonical bytes: the service compares endpoints by ciphertext."""
    message = pb.Endpoint(ip=encode_ip(endpoint.ip), port=endpoint.port)
    return message.SerializeToString(deterministic=True)


def decode_endpoint(raw: bytes) -> Endpoint:
    """Return the endpoint; its port is cut to 16 bits, as others do.

    Raises:
        WireError: no endpoint, or one without an address.
    """
    try:
        message = pb.Endpoint.FromString(raw)
    except DecodeError as error:
        raise WireError("endpoint: not the bytes of an endpoint") from error
    return Endpoint(_required_ip(message.ip), message.port & PORT_MAX)


def _kubespan_message(part: KubeSpanAffiliate) -> pb.KubeSpan:
    return pb.KubeSpan(
        public_key=part.public_key,
        address=encode_ip(part.address),
        additional_addresses=map(_prefix_message, part.additional_addresses),
        exclude_advertised_addresses=map(
            _prefix_message, part.exclude_advertised_networks
        ),
    )


def _prefix_message(prefix: Prefix) -> pb.IPPrefix:
    return pb.IPPrefix(ip=prefix.ip.packed, bits=prefix.network.prefixlen)


def _with_optional_parts(
    affiliate: Affiliate, message: pb.Affiliate
) -> tuple[Affiliate, int]:
    skipped = 0
    if message.HasField("kubespan"):
        kubespan, skipped = _decode_kubespan(message.kubespan)
        affiliate = replace(affiliate, kubespan=kubespan)
    if message.HasField("control_plane"):
        port = message.control_plane.api_server_port
        if port > PORT_MAX:
            return affiliate, skipped + 1
        affiliate = replace(affiliate, control_plane=ControlPlane(port))
    return affiliate, skipped


def _decode_kubespan(message: pb.KubeSpan) -> tuple[KubeSpanAffiliate, int]:
    networks, skipped_networks = _decode_each(
        _decode_prefix, message.additional_addresses
    )
    excludes, skipped_excludes = _decode_each(
        _decode_prefix, message.exclude_advertised_addresses
    )
    address: IPAddress | None = None
    skipped = skipped_networks + skipped_excludes
    try:
        address = decode_ip(message.address)
    except WireError:
        skipped += 1
    part = KubeSpanAffiliate(
        public_key=message.public_key,
        address=address,
        additional_addresses=networks,
        exclude_advertised_networks=excludes,
    )
    return part, skipped


def _decode_prefix(message: pb.IPPrefix) -> Prefix:
    ip = _required_ip(message.ip)
    if message.bits > ip.max_prefixlen:
        raise WireError(f"prefix: {message.bits} bits of {ip.max_prefixlen}")
    if isinstance(ip, IPv4Address):
        return IPv4Interface((ip, message.bits))
    # A prefix has no zone, whatever its address says.
    return IPv6Interface((IPv6Address(ip.packed), message.bits))


def _required_ip(raw: bytes) -> IPAddress:
    ip = decode_ip(raw)
    if ip is None:
        raise WireError("IP address: 0 bytes")
    return ip


def _decode_each(
    decode: Callable[[E], T], encoded: Iterable[E]
) -> tuple[tuple[T, ...], int]:
    """Return what decodes, in order, and how many items did not."""
    good: list[T] = []
    skipped = 0
    for item in encoded:
        try:
            good.append(decode(item))
        except WireError:
            skipped += 1
    return tuple(good), skipped
