"""Three tables: what is observed, what is decided, what is done. Read this first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kubespan.controllers.affiliate import AFFILIATE
from kubespan.controllers.harvested_endpoint import HARVESTED_ENDPOINT
from kubespan.controllers.kept_peer import KEPT_PEER
from kubespan.controllers.live_peer import LIVE_PEER
from kubespan.controllers.local_affiliate import LOCAL_AFFILIATE
from kubespan.controllers.member import MEMBER
from kubespan.controllers.mesh_address import MESH_ADDRESS
from kubespan.controllers.mesh_firewall import MESH_FIREWALL
from kubespan.controllers.mesh_identity import MESH_IDENTITY
from kubespan.controllers.mesh_link import MESH_LINK
from kubespan.controllers.mesh_route import MESH_ROUTE
from kubespan.controllers.mesh_rule import MESH_RULE
from kubespan.controllers.mesh_sysctl import MESH_SYSCTL
from kubespan.controllers.mesh_wireguard import MESH_WIREGUARD
from kubespan.controllers.peer_outlook import PEER_OUTLOOK
from kubespan.controllers.peer_spec import PEER_SPEC
from kubespan.controllers.peer_status import PEER_STATUS
from kubespan.controllers.raw_affiliate import RAW_AFFILIATE
from kubespan.drivers.config_file import ConfigFile
from kubespan.drivers.discovery.announcement import DiscoveryDesired
from kubespan.drivers.discovery.clients import DiscoveryClients
from kubespan.drivers.discovery.service_addresses import ServiceAddresses
from kubespan.drivers.host.addresses import Addresses
from kubespan.drivers.host.facts import HostSource
from kubespan.drivers.host.netlink_monitor import NetlinkMonitor
from kubespan.drivers.host.nftables import Nftables
from kubespan.drivers.host.routes import Routes
from kubespan.drivers.host.routing_rules import RoutingRules
from kubespan.drivers.host.sysctls import Sysctls
from kubespan.drivers.kubernetes.registry import KubernetesDesired, KubernetesRegistry
from kubespan.drivers.once import Once
from kubespan.drivers.peer_log import PeerLog
from kubespan.drivers.wireguard.device import WireGuardDriver, WireGuardWatch
from kubespan.drivers.wireguard.links import LinkDriver
from kubespan.engine.controller import View
from kubespan.engine.edges import Feed, Sink, Source
from kubespan.engine.resource import R
from kubespan.logic.diff import diff
from kubespan.logic.mesh.link_diff import diff_links
from kubespan.logic.mesh.sysctl_plan import plan_sysctls
from kubespan.logic.mesh.wireguard_diff import diff_wireguard
from kubespan.model.affiliate import LocalAffiliate, RegistryAffiliate
from kubespan.model.config import Config, DiscoverySettings
from kubespan.model.daemon import DaemonStatus
from kubespan.model.diff import Diff
from kubespan.model.firewall import FirewallSpec
from kubespan.model.host import HostFacts, KubernetesNode
from kubespan.model.identity import NodeIdentity
from kubespan.model.network import (
    AddressSpec,
    LinkSpec,
    RouteSpec,
    RoutingRuleSpec,
    SysctlSpec,
)
from kubespan.model.peer import HarvestedEndpoint, PeerOutlook
from kubespan.model.registry import PublicAddress, RegistryStatus, ServiceAddress
from kubespan.model.sysctl import SysctlValue
from kubespan.model.wireguard import DataPlane, WireGuardDevice, WireGuardSpec


@dataclass(frozen=True, slots=True)
class Hands:
    """The drivers that change the host."""

    links: LinkDriver
    wireguard: WireGuardDriver
    addresses: Addresses
    routes: Routes
    rules: RoutingRules
    firewall: Nftables
    sysctls: Sysctls


@dataclass(frozen=True, slots=True)
class Drivers:
    """Every hand and eye; made by the daemon, no I/O until they run."""

    hands: Hands
    config: ConfigFile
    identity: Once
    daemon: Once
    host: HostSource
    wireguard_watch: WireGuardWatch
    route_events: NetlinkMonitor
    firewall_events: NetlinkMonitor
    discovery: DiscoveryClients
    service_addresses: ServiceAddresses
    kubernetes: KubernetesRegistry
    peer_log: PeerLog


def sources(drivers: Drivers) -> tuple[Source, ...]:
    """Return what is observed."""
    registry = (RegistryAffiliate, RegistryStatus)
    return (
        Source("config_file", (Config,), drivers.config.run),
        Source("identity", (NodeIdentity,), drivers.identity.run),
        Source("daemon", (DaemonStatus,), drivers.daemon.run),
        Source("host", (HostFacts,), drivers.host.run),
        Source("sysctls", (SysctlValue,), drivers.hands.sysctls.run),
        Source("discovery", (*registry, PublicAddress), drivers.discovery.run),
        Source("service_addresses", (ServiceAddress,), drivers.service_addresses.run),
        Source("kubernetes", (*registry, KubernetesNode), drivers.kubernetes.run),
        Source("links", (DataPlane,), drivers.hands.links.run),
        Source("device", (WireGuardDevice,), drivers.wireguard_watch.run),
        # these write nothing: they make others look
        Source("route_events", (), drivers.route_events.run),
        Source("firewall_events", (), drivers.firewall_events.run),
    )


CONTROLLERS = (
    MESH_IDENTITY,
    LOCAL_AFFILIATE,
    LIVE_PEER,
    RAW_AFFILIATE,
    AFFILIATE,
    MEMBER,
    PEER_SPEC,
    KEPT_PEER,
    PEER_STATUS,
    PEER_OUTLOOK,
    HARVESTED_ENDPOINT,
    MESH_LINK,
    MESH_WIREGUARD,
    MESH_ADDRESS,
    MESH_ROUTE,
    MESH_RULE,
    MESH_FIREWALL,
    MESH_SYSCTL,
)


def sinks(hands: Hands) -> tuple[Sink, ...]:
    """Return what is kept as desired."""
    link, after = _by_key(LinkSpec), ("link",)
    links, wireguard, sysctls = hands.links, hands.wireguard, hands.sysctls
    return (
        Sink("link", (LinkSpec,), link, links.observe, diff_links, links.apply),
        Sink(
            "wireguard",
            (WireGuardSpec,),
            lambda view: view.one(WireGuardSpec),
            wireguard.observe,
            diff_wireguard,
            wireguard.apply,
            after,
        ),
        _keyed_sink("address", AddressSpec, hands.addresses, after),
        _keyed_sink("route", RouteSpec, hands.routes, after),
        _keyed_sink("rule", RoutingRuleSpec, hands.rules),
        _keyed_sink("firewall", FirewallSpec, hands.firewall),
        Sink(
            "sysctl",
            (SysctlSpec,),
            _by_key(SysctlSpec),
            sysctls.observe,
            plan_sysctls,
            sysctls.apply,
            after,
        ),
    )


def feeds(drivers: Drivers) -> tuple[Feed, ...]:
    """Return the conversations that are told what is desired."""
    return (
        Feed(
            "discovery",
            (Config, NodeIdentity, LocalAffiliate, HarvestedEndpoint),
            lambda view: drivers.discovery.deliver(_discovery_desired(view)),
        ),
        Feed(
            "peer_log",
            (PeerOutlook,),
            lambda view: drivers.peer_log.deliver(view.all(PeerOutlook)),
        ),
        Feed(
            "service_addresses",
            (Config,),
            lambda view: drivers.service_addresses.deliver(_service_targets(view)),
        ),
        Feed(
            "kubernetes",
            (Config, LocalAffiliate),
            lambda view: drivers.kubernetes.deliver(_kubernetes_desired(view)),
        ),
    )


class _KeyedDriver(Protocol[R]):
    """Hands and eyes for one kind of thing, each known by its key."""

    async def observe(self) -> dict[str, R]: ...

    async def apply(self, changes: Diff[str, R]) -> None: ...


def _keyed_sink(
    name: str, kind: type[R], driver: _KeyedDriver[R], after: tuple[str, ...] = ()
) -> Sink:
    observe, apply = driver.observe, driver.apply
    return Sink(name, (kind,), _by_key(kind), observe, diff, apply, after)


def _by_key(kind: type[R]) -> Callable[[View], dict[str, R]]:
    return lambda view: dict(view.by_key(kind))


def _discovery_desired(view: View) -> DiscoveryDesired:
    config, identity = view.one(Config), view.one(NodeIdentity)
    local = view.one(LocalAffiliate)
    return DiscoveryDesired(
        settings=config.discovery if config else DiscoverySettings(),
        local=local.affiliate if local else None,
        node_id=identity.node_id if identity else "",
        harvested=view.all(HarvestedEndpoint),
    )


def _service_targets(view: View) -> dict[str, str]:
    """Return where each service is configured to be; never where it redirects to."""
    config = view.one(Config)
    services = config.discovery.services if config else ()
    return {service.name: service.endpoint for service in services}


def _kubernetes_desired(view: View) -> KubernetesDesired:
    config, local = view.one(Config), view.one(LocalAffiliate)
    return KubernetesDesired(config or Config(), local.affiliate if local else None)
