"""The resource types operators see: names, aliases, columns, and what they show.

Source:
    kubespan.md section 7; types of domain ``kubespan.internal`` are ours.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubespan.api import management_pb2 as pb
from kubespan.api import messages
from kubespan.engine.resource import EdgeStatus, Kind, Notice
from kubespan.model.affiliate import Affiliate, LocalAffiliate, RawAffiliate
from kubespan.model.config import Config
from kubespan.model.daemon import DaemonStatus
from kubespan.model.identity import MeshIdentity, NodeIdentity
from kubespan.model.member import Member
from kubespan.model.peer import HarvestedEndpoint, PeerOutlook, PeerSpec, PeerStatus
from kubespan.model.registry import PublicAddress, RegistryStatus
from kubespan.model.wireguard import DataPlane

Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One kind of the store, shown under a type in a namespace.

    Attributes:
        field: member of ``Resource.spec``.
        message: from the stored value to that member.
        id: fixed ID; None takes the stored value's key.
    """

    kind: Kind
    namespace: str
    field: str
    message: Callable[[Any], Any]
    id: str | None = None


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A resource type.

    Attributes:
        name: plural with domain, ``Members.cluster.talos.dev``.
        display_name: singular, ``Member``.
        columns: header and dotted path in the YAML form.
        shown: what it shows; the first namespace is the default.
    """

    name: str
    display_name: str
    columns: Columns
    shown: tuple[Shown, ...]

    @property
    def namespace(self) -> str:
        """The namespace used when none is asked for."""
        return self.shown[0].namespace

    @property
    def aliases(self) -> tuple[str, ...]:
        """Lower case: singular, plural, plural with domain parts, initials."""
        plural, *domain = self.name.split(".")
        dotted = [".".join([plural, *domain[: n + 1]]) for n in range(len(domain))]
        initials = "".join(re.findall(r"[A-Z]", self.display_name))
        names = [self.display_name, plural, *dotted]
        if len(initials) > 1:
            names.append(initials)
        return tuple(dict.fromkeys(name.lower() for name in names))


def _type(name: str, display: str, columns: Columns, *shown: Shown) -> TypeInfo:
    return TypeInfo(name, display, columns, shown)


TYPES: tuple[TypeInfo, ...] = (
    _type(
        "KubeSpanConfigs.kubespan.talos.dev",
        "KubeSpanConfig",
        (),
        Shown(
            Config, "config", "kubespan_config", messages.kubespan_config, "kubespan"
        ),
    ),
    _type(
        "KubeSpanIdentities.kubespan.talos.dev",
        "KubeSpanIdentity",
        (("ADDRESS", "address"), ("PUBLICKEY", "publicKey")),
        Shown(
            MeshIdentity, "kubespan", "kubespan_identity", messages.kubespan_identity
        ),
    ),
    _type(
        "KubeSpanPeerSpecs.kubespan.talos.dev",
        "KubeSpanPeerSpec",
        (("LABEL", "label"), ("ENDPOINTS", "endpoints")),
        Shown(PeerSpec, "kubespan", "kubespan_peer_spec", messages.peer_spec),
    ),
    _type(
        "KubeSpanPeerStatuses.kubespan.talos.dev",
        "KubeSpanPeerStatus",
        (
            ("LABEL", "label"),
            ("ENDPOINT", "endpoint"),
            ("STATE", "state"),
            ("RX", "receiveBytes"),
            ("TX", "transmitBytes"),
        ),
        Shown(PeerStatus, "kubespan", "kubespan_peer_status", messages.peer_status),
    ),
    _type(
        "KubeSpanEndpoints.kubespan.talos.dev",
        "KubeSpanEndpoint",
        (("ENDPOINT", "endpoint"), ("AFFILIATE ID", "affiliateID")),
        Shown(
            HarvestedEndpoint,
            "kubespan",
            "kubespan_endpoint",
            messages.harvested_endpoint,
        ),
    ),
    _type(
        "DiscoveryConfigs.cluster.talos.dev",
        "DiscoveryConfig",
        (),
        Shown(
            Config, "config", "discovery_config", messages.discovery_config, "cluster"
        ),
    ),
    _type(
        "Identities.cluster.talos.dev",
        "Identity",
        (("ID", "nodeId"),),
        Shown(NodeIdentity, "cluster", "identity", messages.identity),
    ),
    _type(
        "Affiliates.cluster.talos.dev",
        "Affiliate",
        (
            ("HOSTNAME", "hostname"),
            ("MACHINE TYPE", "machineType"),
            ("ADDRESSES", "addresses"),
        ),
        Shown(LocalAffiliate, "cluster", "affiliate", messages.affiliate),
        Shown(Affiliate, "cluster", "affiliate", messages.affiliate),
        Shown(RawAffiliate, "cluster-raw", "affiliate", messages.affiliate),
    ),
    _type(
        "Members.cluster.talos.dev",
        "Member",
        (
            ("HOSTNAME", "hostname"),
            ("MACHINE TYPE", "machineType"),
            ("OS", "operatingSystem"),
            ("ADDRESSES", "addresses"),
        ),
        Shown(Member, "cluster", "member", messages.member),
    ),
    _type(
        "Infos.cluster.talos.dev",
        "Info",
        (("CLUSTER ID", "clusterId"), ("CLUSTER NAME", "clusterName")),
        Shown(Config, "cluster", "info", messages.info, "current"),
    ),
    _type(
        "AddressStatuses.net.talos.dev",
        "AddressStatus",
        (("ADDRESS", "address"),),
        Shown(PublicAddress, "cluster", "address_status", messages.address_status),
    ),
    _type(
        "PeerOutlooks.kubespan.internal",
        "PeerOutlook",
        (
            ("NAME", "name"),
            ("STATE", "state"),
            ("ENDPOINT", "endpoint"),
            ("REASON", "reason"),
        ),
        Shown(PeerOutlook, "kubespan", "peer_outlook", messages.peer_outlook),
    ),
    _type(
        "RegistryStatuses.kubespan.internal",
        "RegistryStatus",
        (
            ("ENDPOINT", "endpoint"),
            ("CONNECTED", "connected"),
            ("AFFILIATES", "affiliates"),
            ("SKIPPED", "skipped"),
            ("ERROR", "error"),
        ),
        Shown(RegistryStatus, "cluster", "registry_status", messages.registry_status),
    ),
    _type(
        "EdgeStatuses.kubespan.internal",
        "EdgeStatus",
        (("ATTEMPTS", "attempts"), ("ERROR", "error")),
        Shown(EdgeStatus, "runtime", "edge_status", messages.edge_status),
    ),
    _type(
        "Notices.kubespan.internal",
        "Notice",
        (("AUTHOR", "author"), ("SUBJECT", "subject"), ("TEXT", "text")),
        Shown(Notice, "runtime", "notice", messages.notice),
    ),
    _type(
        "DataPlanes.kubespan.internal",
        "DataPlane",
        (
            ("KIND", "kind"),
            ("PROGRAM", "program"),
            ("PID", "pid"),
            ("REASON", "reason"),
        ),
        Shown(DataPlane, "runtime", "data_plane", messages.data_plane),
    ),
    _type(
        "DaemonStatuses.kubespan.internal",
        "DaemonStatus",
        (
            ("VERSION", "version"),
            ("PID", "pid"),
            ("STARTED", "started"),
            ("CONFIG", "configFile"),
        ),
        Shown(DaemonStatus, "runtime", "daemon_status", messages.daemon_status),
    ),
)


def find_types(name: str) -> tuple[TypeInfo, ...]:
    """Return the types a name may mean: none, one, or several when ambiguous."""
    wanted = name.lower()
    return tuple(found for found in TYPES if wanted in found.aliases)


def describe_type(found: TypeInfo) -> pb.ResourceType:
    """Return a type as the API describes it."""
    columns = [pb.Column(header=header, path=path) for header, path in found.columns]
    return pb.ResourceType(
        name=found.name,
        display_name=found.display_name,
        namespace=found.namespace,
        aliases=found.aliases,
        columns=columns,
    )
