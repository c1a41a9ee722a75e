import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PeerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    unknown: _ClassVar[PeerState]
    up: _ClassVar[PeerState]
    down: _ClassVar[PeerState]

class MachineType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TYPE_UNKNOWN: _ClassVar[MachineType]
    TYPE_INIT: _ClassVar[MachineType]
    TYPE_CONTROLPLANE: _ClassVar[MachineType]
    TYPE_WORKER: _ClassVar[MachineType]
unknown: PeerState
up: PeerState
down: PeerState
TYPE_UNKNOWN: MachineType
TYPE_INIT: MachineType
TYPE_CONTROLPLANE: MachineType
TYPE_WORKER: MachineType

class ListRequest(_message.Message):
    __slots__ = ("type", "namespace")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    type: str
    namespace: str
    def __init__(self, type: _Optional[str] = ..., namespace: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("node", "type", "resources")
    NODE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    node: str
    type: ResourceType
    resources: _containers.RepeatedCompositeFieldContainer[Resource]
    def __init__(self, node: _Optional[str] = ..., type: _Optional[_Union[ResourceType, _Mapping]] = ..., resources: _Optional[_Iterable[_Union[Resource, _Mapping]]] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("type", "namespace", "id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    type: str
    namespace: str
    id: str
    def __init__(self, type: _Optional[str] = ..., namespace: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("node", "type", "resource")
    NODE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    node: str
    type: ResourceType
    resource: Resource
    def __init__(self, node: _Optional[str] = ..., type: _Optional[_Union[ResourceType, _Mapping]] = ..., resource: _Optional[_Union[Resource, _Mapping]] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("type", "namespace", "id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    type: str
    namespace: str
    id: str
    def __init__(self, type: _Optional[str] = ..., namespace: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class WatchEvent(_message.Message):
    __slots__ = ("event", "node", "type", "resource")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[WatchEvent.Type]
        CREATED: _ClassVar[WatchEvent.Type]
        UPDATED: _ClassVar[WatchEvent.Type]
        DESTROYED: _ClassVar[WatchEvent.Type]
        BOOTSTRAPPED: _ClassVar[WatchEvent.Type]
    UNSPECIFIED: WatchEvent.Type
    CREATED: WatchEvent.Type
    UPDATED: WatchEvent.Type
    DESTROYED: WatchEvent.Type
    BOOTSTRAPPED: WatchEvent.Type
    EVENT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    event: WatchEvent.Type
    node: str
    type: ResourceType
    resource: Resource
    def __init__(self, event: _Optional[_Union[WatchEvent.Type, str]] = ..., node: _Optional[str] = ..., type: _Optional[_Union[ResourceType, _Mapping]] = ..., resource: _Optional[_Union[Resource, _Mapping]] = ...) -> None: ...

class TypesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TypesResponse(_message.Message):
    __slots__ = ("types",)
    TYPES_FIELD_NUMBER: _ClassVar[int]
    types: _containers.RepeatedCompositeFieldContainer[ResourceType]
    def __init__(self, types: _Optional[_Iterable[_Union[ResourceType, _Mapping]]] = ...) -> None: ...

class ResourceType(_message.Message):
    __slots__ = ("name", "display_name", "namespace", "aliases", "columns")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    namespace: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., namespace: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("header", "path")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    header: str
    path: str
    def __init__(self, header: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class Metadata(_message.Message):
    __slots__ = ("namespace", "type", "id", "version", "owner", "created", "updated")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    type: str
    id: str
    version: int
    owner: str
    created: _timestamp_pb2.Timestamp
    updated: _timestamp_pb2.Timestamp
    def __init__(self, namespace: _Optional[str] = ..., type: _Optional[str] = ..., id: _Optional[str] = ..., version: _Optional[int] = ..., owner: _Optional[str] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Resource(_message.Message):
    __slots__ = ("metadata", "kubespan_config", "kubespan_identity", "kubespan_peer_spec", "kubespan_peer_status", "kubespan_endpoint", "discovery_config", "identity", "affiliate", "member", "info", "address_status", "peer_outlook", "registry_status", "edge_status", "notice", "data_plane", "daemon_status")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    KUBESPAN_CONFIG_FIELD_NUMBER: _ClassVar[int]
    KUBESPAN_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    KUBESPAN_PEER_SPEC_FIELD_NUMBER: _ClassVar[int]
    KUBESPAN_PEER_STATUS_FIELD_NUMBER: _ClassVar[int]
    KUBESPAN_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    DISCOVERY_CONFIG_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    AFFILIATE_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_STATUS_FIELD_NUMBER: _ClassVar[int]
    PEER_OUTLOOK_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_STATUS_FIELD_NUMBER: _ClassVar[int]
    EDGE_STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    DATA_PLANE_FIELD_NUMBER: _ClassVar[int]
    DAEMON_STATUS_FIELD_NUMBER: _ClassVar[int]
    metadata: Metadata
    kubespan_config: KubeSpanConfig
    kubespan_identity: KubeSpanIdentity
    kubespan_peer_spec: KubeSpanPeerSpec
    kubespan_peer_status: KubeSpanPeerStatus
    kubespan_endpoint: KubeSpanEndpoint
    discovery_config: DiscoveryConfig
    identity: Identity
    affiliate: Affiliate
    member: Member
    info: Info
    address_status: AddressStatus
    peer_outlook: PeerOutlook
    registry_status: RegistryStatus
    edge_status: EdgeStatus
    notice: Notice
    data_plane: DataPlane
    daemon_status: DaemonStatus
    def __init__(self, metadata: _Optional[_Union[Metadata, _Mapping]] = ..., kubespan_config: _Optional[_Union[KubeSpanConfig, _Mapping]] = ..., kubespan_identity: _Optional[_Union[KubeSpanIdentity, _Mapping]] = ..., kubespan_peer_spec: _Optional[_Union[KubeSpanPeerSpec, _Mapping]] = ..., kubespan_peer_status: _Optional[_Union[KubeSpanPeerStatus, _Mapping]] = ..., kubespan_endpoint: _Optional[_Union[KubeSpanEndpoint, _Mapping]] = ..., discovery_config: _Optional[_Union[DiscoveryConfig, _Mapping]] = ..., identity: _Optional[_Union[Identity, _Mapping]] = ..., affiliate: _Optional[_Union[Affiliate, _Mapping]] = ..., member: _Optional[_Union[Member, _Mapping]] = ..., info: _Optional[_Union[Info, _Mapping]] = ..., address_status: _Optional[_Union[AddressStatus, _Mapping]] = ..., peer_outlook: _Optional[_Union[PeerOutlook, _Mapping]] = ..., registry_status: _Optional[_Union[RegistryStatus, _Mapping]] = ..., edge_status: _Optional[_Union[EdgeStatus, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ..., data_plane: _Optional[_Union[DataPlane, _Mapping]] = ..., daemon_status: _Optional[_Union[DaemonStatus, _Mapping]] = ...) -> None: ...

class IP(_message.Message):
    __slots__ = ("ip",)
    IP_FIELD_NUMBER: _ClassVar[int]
    ip: bytes
    def __init__(self, ip: _Optional[bytes] = ...) -> None: ...

class IPPort(_message.Message):
    __slots__ = ("ip", "port")
    IP_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    ip: bytes
    port: int
    def __init__(self, ip: _Optional[bytes] = ..., port: _Optional[int] = ...) -> None: ...

class IPPrefix(_message.Message):
    __slots__ = ("ip", "prefix_length")
    IP_FIELD_NUMBER: _ClassVar[int]
    PREFIX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    ip: bytes
    prefix_length: int
    def __init__(self, ip: _Optional[bytes] = ..., prefix_length: _Optional[int] = ...) -> None: ...

class KubeSpanConfig(_message.Message):
    __slots__ = ("enabled", "cluster_id", "shared_secret", "force_routing", "advertise_kubernetes_networks", "mtu", "endpoint_filters", "harvest_extra_endpoints", "extra_endpoints", "exclude_advertised_networks")
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    SHARED_SECRET_FIELD_NUMBER: _ClassVar[int]
    FORCE_ROUTING_FIELD_NUMBER: _ClassVar[int]
    ADVERTISE_KUBERNETES_NETWORKS_FIELD_NUMBER: _ClassVar[int]
    MTU_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FILTERS_FIELD_NUMBER: _ClassVar[int]
    HARVEST_EXTRA_ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    EXTRA_ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ADVERTISED_NETWORKS_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    cluster_id: str
    shared_secret: str
    force_routing: bool
    advertise_kubernetes_networks: bool
    mtu: int
    endpoint_filters: _containers.RepeatedScalarFieldContainer[str]
    harvest_extra_endpoints: bool
    extra_endpoints: _containers.RepeatedCompositeFieldContainer[IPPort]
    exclude_advertised_networks: _containers.RepeatedCompositeFieldContainer[IPPrefix]
    def __init__(self, enabled: _Optional[bool] = ..., cluster_id: _Optional[str] = ..., shared_secret: _Optional[str] = ..., force_routing: _Optional[bool] = ..., advertise_kubernetes_networks: _Optional[bool] = ..., mtu: _Optional[int] = ..., endpoint_filters: _Optional[_Iterable[str]] = ..., harvest_extra_endpoints: _Optional[bool] = ..., extra_endpoints: _Optional[_Iterable[_Union[IPPort, _Mapping]]] = ..., exclude_advertised_networks: _Optional[_Iterable[_Union[IPPrefix, _Mapping]]] = ...) -> None: ...

class KubeSpanIdentity(_message.Message):
    __slots__ = ("address", "subnet", "private_key", "public_key")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SUBNET_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_KEY_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    address: IPPrefix
    subnet: IPPrefix
    private_key: str
    public_key: str
    def __init__(self, address: _Optional[_Union[IPPrefix, _Mapping]] = ..., subnet: _Optional[_Union[IPPrefix, _Mapping]] = ..., private_key: _Optional[str] = ..., public_key: _Optional[str] = ...) -> None: ...

class KubeSpanPeerSpec(_message.Message):
    __slots__ = ("address", "allowed_ips", "endpoints", "label")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_IPS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    address: IP
    allowed_ips: _containers.RepeatedCompositeFieldContainer[IPPrefix]
    endpoints: _containers.RepeatedCompositeFieldContainer[IPPort]
    label: str
    def __init__(self, address: _Optional[_Union[IP, _Mapping]] = ..., allowed_ips: _Optional[_Iterable[_Union[IPPrefix, _Mapping]]] = ..., endpoints: _Optional[_Iterable[_Union[IPPort, _Mapping]]] = ..., label: _Optional[str] = ...) -> None: ...

class KubeSpanPeerStatus(_message.Message):
    __slots__ = ("endpoint", "label", "state", "receive_bytes", "transmit_bytes", "last_handshake_time", "last_used_endpoint", "last_endpoint_change")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TRANSMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    LAST_HANDSHAKE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_USED_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    LAST_ENDPOINT_CHANGE_FIELD_NUMBER: _ClassVar[int]
    endpoint: IPPort
    label: str
    state: PeerState
    receive_bytes: int
    transmit_bytes: int
    last_handshake_time: _timestamp_pb2.Timestamp
    last_used_endpoint: IPPort
    last_endpoint_change: _timestamp_pb2.Timestamp
    def __init__(self, endpoint: _Optional[_Union[IPPort, _Mapping]] = ..., label: _Optional[str] = ..., state: _Optional[_Union[PeerState, str]] = ..., receive_bytes: _Optional[int] = ..., transmit_bytes: _Optional[int] = ..., last_handshake_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_used_endpoint: _Optional[_Union[IPPort, _Mapping]] = ..., last_endpoint_change: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class KubeSpanEndpoint(_message.Message):
    __slots__ = ("affiliate_id", "endpoint")
    AFFILIATE_ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    affiliate_id: str
    endpoint: IPPort
    def __init__(self, affiliate_id: _Optional[str] = ..., endpoint: _Optional[_Union[IPPort, _Mapping]] = ...) -> None: ...

class DiscoveryService(_message.Message):
    __slots__ = ("name", "endpoint", "insecure")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    INSECURE_FIELD_NUMBER: _ClassVar[int]
    name: str
    endpoint: str
    insecure: bool
    def __init__(self, name: _Optional[str] = ..., endpoint: _Optional[str] = ..., insecure: _Optional[bool] = ...) -> None: ...

class DiscoveryConfig(_message.Message):
    __slots__ = ("discovery_enabled", "registry_kubernetes_enabled", "registry_service_enabled", "service_endpoint", "service_endpoint_insecure", "service_encryption_key", "service_cluster_id", "service_endpoints")
    DISCOVERY_ENABLED_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_KUBERNETES_ENABLED_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_SERVICE_ENABLED_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ENDPOINT_INSECURE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ENCRYPTION_KEY_FIELD_NUMBER: _ClassVar[int]
    SERVICE_CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    discovery_enabled: bool
    registry_kubernetes_enabled: bool
    registry_service_enabled: bool
    service_endpoint: str
    service_endpoint_insecure: bool
    service_encryption_key: str
    service_cluster_id: str
    service_endpoints: _containers.RepeatedCompositeFieldContainer[DiscoveryService]
    def __init__(self, discovery_enabled: _Optional[bool] = ..., registry_kubernetes_enabled: _Optional[bool] = ..., registry_service_enabled: _Optional[bool] = ..., service_endpoint: _Optional[str] = ..., service_endpoint_insecure: _Optional[bool] = ..., service_encryption_key: _Optional[str] = ..., service_cluster_id: _Optional[str] = ..., service_endpoints: _Optional[_Iterable[_Union[DiscoveryService, _Mapping]]] = ...) -> None: ...

class Identity(_message.Message):
    __slots__ = ("node_id",)
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    def __init__(self, node_id: _Optional[str] = ...) -> None: ...

class KubeSpanAffiliate(_message.Message):
    __slots__ = ("public_key", "address", "additional_addresses", "endpoints", "exclude_advertised_networks")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ADDITIONAL_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ADVERTISED_NETWORKS_FIELD_NUMBER: _ClassVar[int]
    public_key: str
    address: IP
    additional_addresses: _containers.RepeatedCompositeFieldContainer[IPPrefix]
    endpoints: _containers.RepeatedCompositeFieldContainer[IPPort]
    exclude_advertised_networks: _containers.RepeatedCompositeFieldContainer[IPPrefix]
    def __init__(self, public_key: _Optional[str] = ..., address: _Optional[_Union[IP, _Mapping]] = ..., additional_addresses: _Optional[_Iterable[_Union[IPPrefix, _Mapping]]] = ..., endpoints: _Optional[_Iterable[_Union[IPPort, _Mapping]]] = ..., exclude_advertised_networks: _Optional[_Iterable[_Union[IPPrefix, _Mapping]]] = ...) -> None: ...

class ControlPlane(_message.Message):
    __slots__ = ("port",)
    PORT_FIELD_NUMBER: _ClassVar[int]
    port: int
    def __init__(self, port: _Optional[int] = ...) -> None: ...

class Affiliate(_message.Message):
    __slots__ = ("node_id", "addresses", "hostname", "nodename", "operating_system", "machine_type", "kubespan", "control_plane")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    NODENAME_FIELD_NUMBER: _ClassVar[int]
    OPERATING_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    MACHINE_TYPE_FIELD_NUMBER: _ClassVar[int]
    KUBESPAN_FIELD_NUMBER: _ClassVar[int]
    CONTROL_PLANE_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    addresses: _containers.RepeatedCompositeFieldContainer[IP]
    hostname: str
    nodename: str
    operating_system: str
    machine_type: MachineType
    kubespan: KubeSpanAffiliate
    control_plane: ControlPlane
    def __init__(self, node_id: _Optional[str] = ..., addresses: _Optional[_Iterable[_Union[IP, _Mapping]]] = ..., hostname: _Optional[str] = ..., nodename: _Optional[str] = ..., operating_system: _Optional[str] = ..., machine_type: _Optional[_Union[MachineType, str]] = ..., kubespan: _Optional[_Union[KubeSpanAffiliate, _Mapping]] = ..., control_plane: _Optional[_Union[ControlPlane, _Mapping]] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("node_id", "addresses", "hostname", "machine_type", "operating_system", "control_plane")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    MACHINE_TYPE_FIELD_NUMBER: _ClassVar[int]
    OPERATING_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    CONTROL_PLANE_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    addresses: _containers.RepeatedCompositeFieldContainer[IP]
    hostname: str
    machine_type: MachineType
    operating_system: str
    control_plane: ControlPlane
    def __init__(self, node_id: _Optional[str] = ..., addresses: _Optional[_Iterable[_Union[IP, _Mapping]]] = ..., hostname: _Optional[str] = ..., machine_type: _Optional[_Union[MachineType, str]] = ..., operating_system: _Optional[str] = ..., control_plane: _Optional[_Union[ControlPlane, _Mapping]] = ...) -> None: ...

class Info(_message.Message):
    __slots__ = ("cluster_id", "cluster_name")
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_NAME_FIELD_NUMBER: _ClassVar[int]
    cluster_id: str
    cluster_name: str
    def __init__(self, cluster_id: _Optional[str] = ..., cluster_name: _Optional[str] = ...) -> None: ...

class AddressStatus(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: IPPrefix
    def __init__(self, address: _Optional[_Union[IPPrefix, _Mapping]] = ...) -> None: ...

class PeerOutlook(_message.Message):
    __slots__ = ("name", "address", "state", "endpoint", "last_handshake_time", "receive_bytes", "transmit_bytes", "reason", "next_endpoint", "next_attempt")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    LAST_HANDSHAKE_TIME_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TRANSMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    NEXT_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    name: str
    address: IP
    state: PeerState
    endpoint: IPPort
    last_handshake_time: _timestamp_pb2.Timestamp
    receive_bytes: int
    transmit_bytes: int
    reason: str
    next_endpoint: IPPort
    next_attempt: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., address: _Optional[_Union[IP, _Mapping]] = ..., state: _Optional[_Union[PeerState, str]] = ..., endpoint: _Optional[_Union[IPPort, _Mapping]] = ..., last_handshake_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., receive_bytes: _Optional[int] = ..., transmit_bytes: _Optional[int] = ..., reason: _Optional[str] = ..., next_endpoint: _Optional[_Union[IPPort, _Mapping]] = ..., next_attempt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RegistryStatus(_message.Message):
    __slots__ = ("registry", "source", "endpoint", "synced", "connected", "error", "affiliates", "skipped", "skipped_endpoints", "next_attempt", "last_push")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    SYNCED_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    AFFILIATES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LAST_PUSH_FIELD_NUMBER: _ClassVar[int]
    registry: str
    source: str
    endpoint: str
    synced: bool
    connected: bool
    error: str
    affiliates: int
    skipped: int
    skipped_endpoints: int
    next_attempt: _timestamp_pb2.Timestamp
    last_push: _timestamp_pb2.Timestamp
    def __init__(self, registry: _Optional[str] = ..., source: _Optional[str] = ..., endpoint: _Optional[str] = ..., synced: _Optional[bool] = ..., connected: _Optional[bool] = ..., error: _Optional[str] = ..., affiliates: _Optional[int] = ..., skipped: _Optional[int] = ..., skipped_endpoints: _Optional[int] = ..., next_attempt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_push: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EdgeStatus(_message.Message):
    __slots__ = ("error", "attempts", "next_attempt")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    error: str
    attempts: int
    next_attempt: _timestamp_pb2.Timestamp
    def __init__(self, error: _Optional[str] = ..., attempts: _Optional[int] = ..., next_attempt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("author", "subject", "text")
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    author: str
    subject: str
    text: str
    def __init__(self, author: _Optional[str] = ..., subject: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class DataPlane(_message.Message):
    __slots__ = ("kind", "program", "pid", "reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: str
    program: str
    pid: int
    reason: str
    def __init__(self, kind: _Optional[str] = ..., program: _Optional[str] = ..., pid: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class DaemonStatus(_message.Message):
    __slots__ = ("version", "pid", "started", "config_file", "state_dir")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FILE_FIELD_NUMBER: _ClassVar[int]
    STATE_DIR_FIELD_NUMBER: _ClassVar[int]
    version: str
    pid: int
    started: _timestamp_pb2.Timestamp
    config_file: str
    state_dir: str
    def __init__(self, version: _Optional[str] = ..., pid: _Optional[int] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., config_file: _Optional[str] = ..., state_dir: _Optional[str] = ...) -> None: ...
