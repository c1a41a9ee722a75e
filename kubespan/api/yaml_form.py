"""API messages as the plain values their YAML form has.

Source:
    kubespan.md section 7, "Text forms".
"""

from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kubespan.api import management_pb2 as pb

UNSET_TIME = "0001-01-01T00:00:00Z"
IPV4_BYTES = 4
IPV6_BYTES = 16


def plain_from_message(message: Message) -> dict[str, Any]:
    """Return a message as a mapping in field order, keys as in Talos' YAML.

    Optional fields that are unset are left out; everything else is always there.
    """
    return {
        field.json_name: _value(message, field)
        for field in message.DESCRIPTOR.fields
        if not _is_left_out(message, field)
    }


def plain_from_resource(resource: pb.Resource) -> dict[str, Any]:
    """Return ``metadata`` and ``spec`` of a resource."""
    spec = resource.WhichOneof("spec")
    metadata = plain_from_message(resource.metadata)
    metadata["phase"] = "running"
    body = plain_from_message(getattr(resource, spec)) if spec else {}
    return {"metadata": metadata, "spec": body}


def text_from_ip(packed: bytes) -> str:
    """Return 4 or 16 bytes, perhaps followed by a zone, as text; empty if unset."""
    if not packed:
        return ""
    if len(packed) == IPV4_BYTES:
        return str(ip_address(packed))
    address = str(IPv6Address(packed[:IPV6_BYTES]))
    zone = packed[IPV6_BYTES:].decode(errors="replace")
    return f"{address}%{zone}" if zone else address


def _is_left_out(message: Message, field: Any) -> bool:
    """Only fields declared ``optional`` may be absent from the YAML form."""
    oneof = field.containing_oneof
    return oneof is not None and not message.HasField(field.name)


def _value(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_single(item, field) for item in value]
    return _single(value, field)


def _single(value: Any, field: Any) -> Any:
    if field.enum_type is not None:
        name = field.enum_type.values_by_number[value].name
        return name.removeprefix("TYPE_").lower()
    if isinstance(value, Message):
        text = _TEXTS.get(value.DESCRIPTOR.full_name)
        return text(value) if text else plain_from_message(value)
    return value


def _port_text(endpoint: Any) -> str:
    ip = text_from_ip(endpoint.ip)
    if not ip:
        return ""
    host = f"[{ip}]" if ":" in ip else ip
    return f"{host}:{endpoint.port}"


def _prefix_text(prefix: Any) -> str:
    ip = text_from_ip(prefix.ip)
    return f"{ip}/{prefix.prefix_length}" if ip else ""


def _time_text(timestamp: Timestamp) -> str:
    """RFC 3339 with nanoseconds, trailing zeros cut as Go does."""
    if not timestamp.seconds and not timestamp.nanos:
        return UNSET_TIME
    moment = datetime.fromtimestamp(timestamp.seconds, UTC)
    fraction = f".{timestamp.nanos:09d}".rstrip("0").rstrip(".")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


_TEXTS: dict[str, Callable[[Any], str]] = {
    "kubespan.api.v1.IP": lambda message: text_from_ip(message.ip),
    "kubespan.api.v1.IPPort": _port_text,
    "kubespan.api.v1.IPPrefix": _prefix_text,
    "google.protobuf.Timestamp": _time_text,
}
