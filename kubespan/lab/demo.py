"""A real mesh, shown: built, watched, pinged, listened to, removed."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from typing import Protocol

from kubespan.lab.build import lab_names
from kubespan.lab.capture import WireReport, inspect_capture
from kubespan.lab.convergence import Convergence
from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.ping import PAYLOAD, Ping, ping
from kubespan.lab.place import Place
from kubespan.lab.programs import BUILDING, SHOWING, refuse_without
from kubespan.lab.tap import listening
from kubespan.lab.topology import PREFIX, LabSpec

NAME = "demo"
UP_TIMEOUT_S = 180.0
WIRE_PINGS = 5


class Screen(Protocol):
    """Where the demonstration is watched."""

    def say(self, text: str) -> None:
        """Show a line, or several, that stay."""

    def progress(self, text: str) -> None:
        """Show a line that the next one replaces."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold.

    Attributes:
        found: what was seen, in a few words.
    """

    name: str
    holds: bool
    found: str


@dataclass(slots=True)
class Demo:
    """One run of the demonstration.

    Attributes:
        name: of the lab; a lab of that name is removed first.
        wireguard: which one the nodes use.
        checks: what was looked at so far.
    """

    screen: Screen
    name: str = NAME
    wireguard: str = "auto"
    checks: list[Check] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Tell whether something was looked at and all of it held."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    def run(self, *, keep: bool = False) -> bool:
        """Show everything; return whether all of it held.

        Args:
            keep: leave the lab running; otherwise nothing of it is left, however
                this ends.

        Raises:
            LabError: the lab cannot be built, or is being shown by another process.
        """
        refuse_without(BUILDING + SHOWING)
        with _alone(self.name):
            return self._run(keep=keep)

    def _run(self, *, keep: bool) -> bool:
        spec = LabSpec(self.name, nodes=3, nat=1, wireguard=self.wireguard)
        lab = Lab.create(spec, start=False, replace_running=True, say=self.screen.say)
        try:
            self._show(lab)
        except LabError as error:
            first, *_ = str(error).splitlines()
            self.screen.say(str(error))
            self._check("shown to the end", False, first)
        finally:
            if not keep:
                lab.destroy()
        if not keep:
            left = lab.name in lab_names()
            found = (
                "something is left" if left else "no namespace, process or file left"
            )
            self._check("cleaned up", not left, found)
        return self.holds

    def _show(self, lab: Lab) -> None:
        self._show_plain_wire(lab)
        lab.start(self.screen.say)
        took_s = lab.wait_until_up(UP_TIMEOUT_S, self._watch)
        self.screen.say(
            f"three nodes see each other after {took_s:.1f} s; one more joins"
        )
        joined = lab.join()
        took_s = lab.wait_until_up(UP_TIMEOUT_S, self._watch)
        pairs = len(lab.nodes) * (len(lab.nodes) - 1)
        self._check("every pair is up", True, f"{pairs} pairs, {joined.name} last")
        self.screen.say(f"\n$ kubespanctl peers          (on {lab.nodes[0].name})")
        self.screen.say(lab.nodes[0].ctl("peers"))
        self._ping_all("mesh addresses", lab, lab.ping)
        self._ping_all("pod networks", lab, lab.ping_pods)
        self._show_mesh_wire(lab, lab.nodes[0], lab.nodes[1])
        self._show_mesh_wire(lab, lab.nodes[0], lab.nodes[2])

    def _watch(self, state: Convergence) -> None:
        self.screen.progress(str(state))

    def _ping_all(self, what: str, lab: Lab, send: Callable[[str, str], Ping]) -> None:
        lost = []
        pairs = list(permutations([node.name for node in lab.nodes], 2))
        for number, (near, far) in enumerate(pairs, 1):
            self.screen.progress(f"ping over {what}: {number} of {len(pairs)} pairs")
            if not send(near, far).is_whole:
                lost.append(f"{near} → {far}")
        found = f"lost: {', '.join(lost)}" if lost else f"{len(pairs)} pairs, 0 lost"
        self._check(f"ping over {what}", not lost, found)

    def _show_plain_wire(self, lab: Lab) -> None:
        """Show that the tap can read: without it, reading nothing proves nothing."""
        near, far = lab.nodes[0], lab.nodes[1]
        target = str(far.plan.address.ip)
        report, _ = _listen(lab, near, far, [(near.place, target)])
        readable = report.readable > 0 and not report.message_counts
        self._check("before: a ping can be read on the wire", readable, str(report))

    def _show_mesh_wire(self, lab: Lab, near: LabNode, far: LabNode) -> None:
        pings = [
            (near.place, str(far.mesh_address)),
            (near.place, str(far.plan.address.ip)),
            (near.pod, str(far.plan.pod_address.ip)),
        ]
        report, lost = _listen(lab, near, far, pings)
        behind = "NAT" if far.plan.gateway else "public"
        title = f"on the wire {near.name} ↔ {far.name} ({behind}): WireGuard only"
        found = f"{report}, {lost} pings lost"
        self._check(title, report.is_wireguard_only and not lost, found)

    def _check(self, name: str, holds: bool, found: str) -> None:
        self.checks.append(Check(name, holds, found))
        self.screen.say(f"{'ok    ' if holds else 'FAILED'}  {name}: {found}")


def render_checks(checks: list[Check]) -> str:
    """Return the summary as a table."""
    width = max((len(check.name) for check in checks), default=0)
    rows = [
        f"{'ok' if check.holds else 'FAILED':<8}{check.name:<{width}}  {check.found}"
        for check in checks
    ]
    return "\n".join(rows)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold a name that the kernel frees when this process ends, however it ends."""
    with socket.socket(socket.AF_UNIX) as lock:
        try:
            lock.bind(f"\0{PREFIX}{name}")
        except OSError as error:
            raise LabError(f"lab {name!r} is being shown by another process") from error
        yield


def _listen(
    lab: Lab, near: LabNode, far: LabNode, pings: list[tuple[Place, str]]
) -> tuple[WireReport, int]:
    """Ping with the tap at the router's port to `near`.

    Returns:
        what passed between the two nodes, and how many pings were lost.
    """
    hosts = (near.plan.outside_address, far.plan.outside_address)
    expression = f"host {hosts[0]} and host {hosts[1]}"
    file = lab.files.directory / "wire.pcap"
    with listening(lab.internet, near.plan.outside_port, expression, file) as tap:
        results = [ping(place, address, count=WIRE_PINGS) for place, address in pings]
    report = inspect_capture(tap.content, (PAYLOAD, *_inner_addresses(near, far)))
    return report, sum(result.lost for result in results)


def _inner_addresses(*nodes: LabNode) -> Iterator[bytes]:
    for node in nodes:
        yield node.plan.pod_address.ip.packed
        if node.is_running:
            yield node.mesh_address.packed
