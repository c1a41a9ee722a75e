"""Builds every driver, runs the wiring, handles signals, stops in order.

Stopping leaves the mesh as it is: link, addresses, routes, rules, firewall and a
userspace WireGuard stay, and the next start adopts them.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kubespan import __version__
from kubespan.drivers.clock import SystemClock
from kubespan.drivers.config_file import ConfigFile, load_config
from kubespan.drivers.discovery.announcement import DiscoveryDesired
from kubespan.drivers.discovery.clients import DiscoveryClients
from kubespan.drivers.discovery.service_addresses import ServiceAddresses
from kubespan.drivers.entropy import SystemEntropy
from kubespan.drivers.host.addresses import Addresses
from kubespan.drivers.host.facts import HostSource
from kubespan.drivers.host.host_lock import HostLock
from kubespan.drivers.host.netlink_monitor import nftables_monitor, route_monitor
from kubespan.drivers.host.nftables import Nftables
from kubespan.drivers.host.privileges import forbid_core_dumps, require_net_admin
from kubespan.drivers.host.routes import Routes
from kubespan.drivers.host.routing_rules import RoutingRules
from kubespan.drivers.host.sysctls import Sysctls
from kubespan.drivers.kubernetes.registry import KubernetesRegistry
from kubespan.drivers.management import ManagementServer, ManagementService
from kubespan.drivers.once import Once
from kubespan.drivers.peer_log import PeerLog
from kubespan.drivers.state_dir import StateDir
from kubespan.drivers.wireguard.device import WireGuardDriver, WireGuardWatch
from kubespan.drivers.wireguard.links import LinkDriver
from kubespan.engine.graph import draw
from kubespan.engine.runtime import Runtime, Wiring
from kubespan.engine.store import Store
from kubespan.errors import DriverError
from kubespan.logic.mesh.firewall_script import render_firewall
from kubespan.logic.mesh.sysctls import SYSCTL_NAMES
from kubespan.model.config import Config
from kubespan.model.constants import DISCOVERY_TTL_S, LINK_NAME
from kubespan.model.daemon import DaemonStatus
from kubespan.model.identity import NodeIdentity
from kubespan.model.keys import PublicKey, SecretKey
from kubespan.wiring import CONTROLLERS, Drivers, Hands, feeds, sinks, sources

log = logging.getLogger(__name__)

SYSCTL_RECORD = "sysctls.json"
TABLE_RECORD = "nft-table"
STOP_S = 8.0
"""How long an orderly end may take before the rest is cut off."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says: where a daemon keeps what it keeps.

    Attributes:
        config: configuration file.
        state: directory of identities and caches.
        socket: unix socket of the management API.
        discovery_ttl_s: how long discovery services keep us without a refresh.
    """

    config: Path
    state: Path
    socket: Path
    discovery_ttl_s: float = DISCOVERY_TTL_S


def build_hands(
    options: Options, config: Config, on_applied: Callable[[], None] = lambda: None
) -> Hands:
    """Return the drivers that change the host; nothing is touched yet.

    ``on_applied`` is called after every change to the WireGuard device.
    """
    return Hands(
        links=LinkDriver(config.host.userspace_programs),
        wireguard=WireGuardDriver(LINK_NAME, SystemClock(), on_applied=on_applied),
        addresses=Addresses(LINK_NAME),
        routes=Routes(LINK_NAME),
        rules=RoutingRules(),
        firewall=Nftables(
            config.host.nft_table, render_firewall, options.state / TABLE_RECORD
        ),
        sysctls=Sysctls(SYSCTL_NAMES, options.state / SYSCTL_RECORD),
    )


def build_drivers(
    options: Options, config: Config, identity: Once, hints: "Hints"
) -> Drivers:
    """Return every driver; nothing is touched until they run."""
    clock, entropy = SystemClock(), SystemEntropy()
    hands = build_hands(options, config, hints.on_wireguard)
    started = DaemonStatus(
        version=__version__,
        pid=os.getpid(),
        started_ns=clock.now_ns(),
        config_file=str(options.config),
        state_dir=str(options.state),
    )
    return Drivers(
        hands=hands,
        config=ConfigFile(options.config, config),
        identity=identity,
        daemon=Once(started),
        host=HostSource(),
        wireguard_watch=WireGuardWatch(hands.wireguard, clock, hints.on_network),
        route_events=route_monitor(hints.on_network),
        firewall_events=nftables_monitor(
            lambda: hands.firewall.tables, hints.on_firewall
        ),
        discovery=DiscoveryClients(
            clock, entropy, options.state, os.environ, ttl_s=options.discovery_ttl_s
        ),
        service_addresses=ServiceAddresses(),
        kubernetes=KubernetesRegistry(clock, entropy.jitter, options.state),
        peer_log=PeerLog(),
    )


class Hints:
    """Passes on that the host may have changed; to nobody until connected."""

    def __init__(self) -> None:
        self._look_at_network: list[Callable[[], None]] = []
        self._look_at_firewall: list[Callable[[], None]] = []
        self._look_at_wireguard: list[Callable[[], None]] = []

    def connect(self, runtime: Runtime, drivers: Drivers) -> None:
        """Name those who look again."""
        sinks = ("link", "wireguard", "address", "route", "rule", "sysctl")
        self._look_at_network = [
            drivers.host.hint,
            drivers.hands.sysctls.hint,
            *(partial(runtime.hint, name) for name in sinks),
        ]
        self._look_at_firewall = [partial(runtime.hint, "firewall")]
        self._look_at_wireguard = [drivers.wireguard_watch.poke]

    def on_network(self) -> None:
        """Links, addresses, routes or rules may have changed."""
        for look in self._look_at_network:
            look()

    def on_wireguard(self) -> None:
        """We changed the WireGuard device: see what became of it."""
        for look in self._look_at_wireguard:
            look()

    def on_firewall(self) -> None:
        """Our firewall table may have changed."""
        for look in self._look_at_firewall:
            look()


async def run(options: Options) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: the configuration does not validate.
        StateError: the state directory is in use, or a file in it is unusable.
        DriverError: rights are missing, another daemon runs on this host, or the socket
            cannot be made.
    """
    config = await asyncio.to_thread(load_config, options.config)
    require_net_admin("run the mesh")
    forbid_core_dumps()
    with StateDir(options.state) as state, HostLock():
        identity = state.load_identity(SystemEntropy().random_bytes)
        store, hints = Store(), Hints()
        known = Once(identity, state.warnings)
        drivers = build_drivers(options, config, known, hints)
        runtime = Runtime(_wiring(drivers), store, SystemClock())
        hints.connect(runtime, drivers)
        # before anything else is known, so that the peers of the last run are there
        # when the first decision is made
        last_known = DiscoveryDesired(config.discovery, None, identity.node_id, ())
        drivers.discovery.deliver(last_known)
        drivers.service_addresses.deliver(
            {service.name: service.endpoint for service in config.discovery.services}
        )
        node = config.host.hostname or os.uname().nodename
        server = ManagementServer(ManagementService(store, node), options.socket)
        await server.start()
        log.info("kubespan %s runs as node %s", __version__, identity.node_id)
        try:
            await runtime.run(_stop_on_signals(drivers.config.reload))
        finally:
            await server.stop()
    log.info("stopped; the mesh stays in place (`kubespan down` removes it)")


def draw_wiring() -> str:
    """Return the wiring as tables."""
    nobody = NodeIdentity("", SecretKey(bytes(32)), PublicKey(bytes(32)))
    options = Options(Path(), Path(), Path())
    drivers = build_drivers(options, Config(), Once(nobody), Hints())
    wiring = _wiring(drivers)
    return draw(wiring.sources, wiring.controllers, wiring.sinks, wiring.feeds)


def _wiring(drivers: Drivers) -> Wiring:
    return Wiring(
        sources=sources(drivers),
        controllers=CONTROLLERS,
        sinks=sinks(drivers.hands),
        feeds=feeds(drivers),
        retryable=DriverError,
    )


def _stop_on_signals(reload: Callable[[], None]) -> asyncio.Event:
    """Return what SIGTERM and SIGINT set; SIGHUP reloads."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        if not stop.is_set():
            stop.set()
            # an orderly end is bounded: the mesh does not depend on it
            loop.call_later(STOP_S, os._exit, 1)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return stop
