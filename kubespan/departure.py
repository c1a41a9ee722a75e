"""Leaving: what is taken out of the host, and how the other nodes learn of it.

The host is emptied by the sinks themselves, desiring nothing: switching off, leaving
and running are the same code.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from kubespan.daemon import Options, build_hands
from kubespan.drivers.clock import SystemClock
from kubespan.drivers.discovery.announcement import DiscoveryDesired
from kubespan.drivers.discovery.clients import DiscoveryClients
from kubespan.drivers.entropy import SystemEntropy
from kubespan.drivers.host.host_lock import HostLock
from kubespan.drivers.host.privileges import require_net_admin
from kubespan.drivers.state_dir import NODE_IDENTITY_FILE, StateDir
from kubespan.engine.controller import View
from kubespan.engine.resource import R
from kubespan.engine.store import Store
from kubespan.errors import DriverError
from kubespan.model.config import Config
from kubespan.wiring import sinks

Tell = Callable[[str], None]


async def tear_down(options: Options, config: Config, tell: Tell) -> None:
    """Remove everything we ever put into the host.

    Args:
        options: the state directory is locked meanwhile.
        config: names a firewall table; it goes, and those we remember.
        tell: called with one line for each thing removed.

    Raises:
        StateError: a daemon is running.
        DriverError: so is one with another state directory, rights are missing, or
            something could not be removed; the rest is.
    """
    require_net_admin("remove the mesh")
    failures = []
    with StateDir(options.state), HostLock():
        for sink in reversed(sinks(build_hands(options, config))):
            view = View(Store(), sink.reads, now_s=0.0, now_ns=0)
            try:
                changes = sink.diff(sink.desired(view), await sink.observe())
                if changes:
                    await sink.apply(changes)
                    tell(f"{sink.name}: {changes}")
            except DriverError as error:
                failures.append(f"{sink.name}: {error}")
    if failures:
        raise DriverError("remove the mesh", "; ".join(failures))


async def withdraw(options: Options, config: Config) -> tuple[str, ...]:
    """Have every discovery service forget this node.

    Returns:
        Names of services that did not confirm it; there our record expires by itself.

    Raises:
        StateError: a daemon is running, or the identity cannot be read.
    """
    with StateDir(options.state) as state:
        if not (options.state / NODE_IDENTITY_FILE).exists():
            return ()
        entropy = SystemEntropy()
        identity = state.load_identity(entropy.random_bytes)
        clients = DiscoveryClients(SystemClock(), entropy, options.state, os.environ)
        nothing = DiscoveryDesired(config.discovery, None, identity.node_id, ())
        clients.deliver(nothing)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(clients.run(_Nobody()), name="discovery")
            silent = await clients.delete_local()
            running.cancel()
    return silent


def wipe(state: Path) -> tuple[str, ...]:
    """Remove the files of the state directory, the directory too if it is then empty.

    Returns:
        Names of the files removed, sorted.

    Raises:
        StateError: a daemon is running.
    """
    with StateDir(state):
        names = sorted(path.name for path in state.iterdir() if path.is_file())
        for name in names:
            (state / name).unlink()
    with suppress(OSError):
        state.rmdir()
    return tuple(names)


class _Nobody:
    """A publisher nobody listens to."""

    def replace(self, kind: type[R], values: Iterable[R]) -> None:
        """Drop it."""

    def patch(
        self, kind: type[R], put: Iterable[R] = (), remove: Iterable[str] = ()
    ) -> None:
        """Drop it."""

    def warn(self, subject: str, text: str) -> None:
        """Drop it."""
