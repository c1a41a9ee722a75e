"""Settings that are names, numbers, secrets and choices, each with its check.

Source:
    kubespan.md sections 1.3, 1.4, 6.4 and 6.5.
"""

import re
from enum import StrEnum
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from kubespan.config.circumstances import circumstances, refusal, text_of
from kubespan.config.problems import shown
from kubespan.config.yaml_nodes import WrittenInt
from kubespan.model.affiliate import MachineType
from kubespan.model.config import SysctlPolicy
from kubespan.model.constants import ID_MAX_BYTES, MTU_DEFAULT_BYTES, MTU_MIN_BYTES
from kubespan.model.endpoint import PORT_MAX
from kubespan.model.keys import SecretKey
from kubespan.model.wireguard import WireGuardChoice

MTU_MAX_BYTES: Final = 65535
_HOSTNAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_NODE_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_TABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,30}")
_TALOS_TABLE: Final = "talos"
_PROGRAM: Final = re.compile(r"/.{1,4095}|[^/\s]{1,255}")
_NAME_MAX_CHARACTERS: Final = 128
_PATTERN_MAX_CHARACTERS: Final = 64
_INTERFACE_PATTERN: Final = re.compile(r"[!-.0-~]{1,64}")
_PATTERNS_MAX: Final = 64


def _written(value: object) -> object:
    """Take a number as it was written: opaque text may look like one."""
    return value.text if isinstance(value, WrittenInt) else value


def _mtu(value: int, info: ValidationInfo) -> int:
    known = circumstances(info)
    if known.legacy and value == 0:
        return MTU_DEFAULT_BYTES
    used = known.kubespan or not known.legacy
    if value < 0 or (value < MTU_MIN_BYTES and used):
        raise refusal(f"kubespan link MTU must be at least {MTU_MIN_BYTES}")
    if value > MTU_MAX_BYTES:
        raise refusal(f"kubespan link MTU must be at most {MTU_MAX_BYTES}")
    return value


def _cluster_id(text: str) -> str:
    if len(text.encode()) > ID_MAX_BYTES:
        raise refusal(f"longer than {ID_MAX_BYTES} bytes")
    return text


def _required_cluster_id(text: str) -> str:
    if not text:
        raise refusal("clusterID is required")
    return _cluster_id(text)


def _secret(value: object) -> SecretKey:
    """Never quotes what it was given."""
    text = text_of(value)
    if not text:
        raise refusal("clusterSecret is required")
    try:
        return SecretKey.from_base64(text)
    except ValueError as error:
        reason = str(error).removeprefix("secret: ")
        raise refusal(f"invalid clusterSecret: {reason}") from None


def _legacy_secret(value: object) -> SecretKey | None:
    text = text_of(value)
    try:
        return SecretKey.from_base64(text) if text else None
    except ValueError as error:
        reason = str(error).removeprefix("secret: ")
        said = "as WireGuard and discovery need it"
        raise refusal(f"invalid .cluster.secret: {reason}, {said}") from None


def _hostname(text: str) -> str:
    if text and not _HOSTNAME.fullmatch(text):
        raise refusal(f"not a host name: {shown(text)}")
    return text


def _node_name(text: str) -> str:
    if text and not _NODE_NAME.fullmatch(text):
        raise refusal(f"not a Kubernetes node name: {shown(text)}")
    return text


def _port(value: int) -> int:
    if not 1 <= value <= PORT_MAX:
        raise refusal(f"must be within 1..{PORT_MAX}")
    return value


def _port_or_unset(value: int) -> int:
    return _port(value) if value else value


def _table(text: str) -> str:
    if not _TABLE.fullmatch(text):
        said = "up to 31 letters, digits and _, not starting with a digit"
        raise refusal(f"not a table name ({said}): {shown(text)}")
    if text == _TALOS_TABLE:
        raise refusal("table talos belongs to Talos itself")
    return text


def _absolute(text: str) -> str:
    if text and not (text.startswith("/") and text.isprintable()):
        raise refusal(f"must be an absolute path: {shown(text)}")
    return text


def _program(text: str) -> str:
    if not (_PROGRAM.fullmatch(text) and text.isprintable()):
        raise refusal(f"must be a program's name or absolute path: {shown(text)}")
    return text


def _interface_pattern(text: str) -> str:
    if not _INTERFACE_PATTERN.fullmatch(text):
        said = f"up to {_PATTERN_MAX_CHARACTERS} characters, no spaces and no /"
        raise refusal(f"not a pattern of interface names ({said}): {shown(text)}")
    return text


def _interface_patterns(patterns: list[str]) -> list[str]:
    if len(patterns) > _PATTERNS_MAX:
        raise refusal(f"more than {_PATTERNS_MAX} patterns")
    return patterns


def _service_name(text: str) -> str:
    if len(text) > _NAME_MAX_CHARACTERS or not text.isprintable():
        raise refusal(f"not a name of at most {_NAME_MAX_CHARACTERS} characters")
    return text


Choice = TypeVar("Choice", bound=StrEnum)


def _chosen(kind: type[Choice], value: object, *without: Choice) -> Choice:
    known = [choice for choice in kind if choice not in without]
    for choice in known:
        if value == choice.value:
            return choice
    raise refusal(f"must be {_either(known)}")


def _either(choices: list[Choice]) -> str:
    *first, last = (choice.value for choice in choices)
    return f"{', '.join(first)} or {last}"


def _machine_type(value: object) -> MachineType:
    if value == "join":
        return MachineType.WORKER  # its name before Talos 1.0; kubespan.md section 3.3
    return _chosen(MachineType, value, MachineType.UNKNOWN)


def _wireguard(value: object) -> WireGuardChoice:
    return _chosen(WireGuardChoice, value)


def _sysctls(value: object) -> SysctlPolicy:
    return _chosen(SysctlPolicy, value)


Mtu = Annotated[int, AfterValidator(_mtu)]
OpaqueText = Annotated[str, BeforeValidator(_written)]
ClusterID = Annotated[OpaqueText, AfterValidator(_cluster_id)]
RequiredClusterID = Annotated[OpaqueText, AfterValidator(_required_cluster_id)]
ClusterSecret = Annotated[SecretKey, BeforeValidator(_secret), Field(repr=False)]
LegacySecret = Annotated[
    SecretKey | None, BeforeValidator(_legacy_secret), Field(repr=False)
]
Hostname = Annotated[OpaqueText, AfterValidator(_hostname)]
NodeName = Annotated[OpaqueText, AfterValidator(_node_name)]
Port = Annotated[int, AfterValidator(_port)]
PortOrUnset = Annotated[int, AfterValidator(_port_or_unset)]
TableName = Annotated[str, AfterValidator(_table)]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Program = Annotated[str, AfterValidator(_program)]
InterfacePattern = Annotated[str, AfterValidator(_interface_pattern)]
InterfacePatterns = Annotated[
    list[InterfacePattern], AfterValidator(_interface_patterns)
]
ServiceName = Annotated[str, AfterValidator(_service_name)]
MachineTypeField = Annotated[MachineType, BeforeValidator(_machine_type)]
WireGuardField = Annotated[WireGuardChoice, BeforeValidator(_wireguard)]
SysctlField = Annotated[SysctlPolicy, BeforeValidator(_sysctls)]
