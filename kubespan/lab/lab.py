"""A lab: made, found again, extended, removed."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from kubespan.lab.build import build_namespaces, place_of, remove_lab
from kubespan.lab.convergence import Convergence, wait_until_up
from kubespan.lab.documents import node_config
from kubespan.lab.errors import LabError
from kubespan.lab.files import LabFiles, lab_files, make_lab_files
from kubespan.lab.node import LabNode
from kubespan.lab.ping import Ping, ping
from kubespan.lab.place import Place
from kubespan.lab.programs import BUILDING, refuse_without
from kubespan.lab.record import LabRecord
from kubespan.lab.service import LabDiscovery
from kubespan.lab.topology import (
    DISCOVERY,
    INTERNET,
    LabSpec,
    NodePlan,
    Topology,
    extend_topology,
    plan_topology,
    refuse_bad_name,
)

SECRET_BYTES = 32
Say = Callable[[str], None]


def _silently(_text: str) -> None:
    return None


@dataclass(slots=True)
class Lab:
    """A running lab; as a context manager, removed at the end of the block.

    Attributes:
        record: what was asked for and what became of it.
        topology: the lab on paper.
        nodes: sorted by index.
        discovery: the discovery service.
        internet: the router through which everything between segments passes.
    """

    record: LabRecord
    topology: Topology
    files: LabFiles
    nodes: list[LabNode] = field(init=False)
    discovery: LabDiscovery = field(init=False)
    internet: Place = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = [self._node(plan) for plan in self.topology.nodes]
        self.internet = self.place(INTERNET)
        self.discovery = LabDiscovery(
            place=self.place(DISCOVERY),
            log=self.files.discovery_log,
            options=self.record.spec.discovery_options,
        )

    @classmethod
    def create(
        cls,
        spec: LabSpec,
        *,
        start: bool = True,
        replace_running: bool = False,
        say: Say = _silently,
    ) -> Self:
        """Build a lab; leftovers of a killed one of the same name are removed first.

        Args:
            spec: what to build.
            start: also start the discovery service and every daemon.
            replace_running: remove a running lab of the same name, too.
            say: told in one line what is being done.

        Raises:
            LabError: not root, a program is missing, a lab of the name runs, or
                something did not start; nothing of the new lab is left then.
        """
        refuse_without(BUILDING)
        _make_room(spec.name, replace_running=replace_running, say=say)
        topology = plan_topology(spec.name, spec.placements, ipv6=spec.ipv6)
        try:
            lab = cls(_new_record(spec), topology, make_lab_files(spec.name))
            lab._build(say)
            if start:
                lab.start(say)
        except BaseException:
            remove_lab(spec.name)
            raise
        return lab

    @classmethod
    def load(cls, name: str) -> Self:
        """Return a lab that another process made; `LabError` if there is none."""
        refuse_without(BUILDING)
        refuse_bad_name(name)
        files = lab_files(name)
        record = files.read_record()
        return cls(record, record.topology, files)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.destroy()

    @property
    def name(self) -> str:
        """The lab's name, without our prefix."""
        return self.topology.name

    def node(self, name: str) -> LabNode:
        """Return a node by its name, such as ``node-1``; `LabError` if unknown."""
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes)
        raise LabError(f"lab {self.name!r} has no node {name!r}; it has {known}")

    def place(self, name: str) -> Place:
        """Return any namespace by its short name; `LabError` if unknown."""
        for namespace in self.topology.namespaces:
            if namespace.name == name:
                return place_of(self.topology, namespace)
        known = ", ".join(entry.name for entry in self.topology.namespaces)
        raise LabError(f"lab {self.name!r} has no {name!r}; it has {known}")

    def start_one(self, name: str) -> None:
        """Start the daemon of a node, or the discovery service by its name."""
        service = name == DISCOVERY
        (self.discovery.start if service else self.node(name).start_daemon)()

    def stop_one(self, name: str) -> None:
        """End the daemon of a node, or the discovery service by its name."""
        service = name == DISCOVERY
        (self.discovery.stop if service else self.node(name).stop_daemon)()

    def start(self, say: Say = _silently) -> None:
        """Start the discovery service and every daemon that does not run.

        Raises:
            LabError: one of them ended early (with its last words).
        """
        if not self.discovery.is_running:
            say("starting the discovery service")
            self.discovery.start()
        self.start_daemons(self.nodes, say)

    def start_daemons(self, nodes: list[LabNode], say: Say = _silently) -> None:
        """Start the daemons of some nodes at once and wait until all answer."""
        idle = [node for node in nodes if not node.is_running]
        for node in idle:
            say(f"starting the daemon of {node.name}")
            node.launch_daemon()
        for node in idle:
            node.await_daemon()

    def join(self, gateway: int = 0, *, start: bool = True) -> LabNode:
        """Add a node while the others run.

        Args:
            gateway: number of the NAT gateway to put it behind, made if it is new;
                0 for a public node.
            start: also start its daemon.

        Raises:
            LabError: the lab is full, or the daemon ended early.
        """
        topology = extend_topology(self.topology, gateway)
        old = {namespace.name for namespace in self.topology.namespaces}
        new = frozenset(entry.name for entry in topology.namespaces) - old
        # Written down first: a lab killed here is complete in name and removable.
        self.record = replace(self.record, placements=topology.placements)
        self.files.write_record(self.record)
        build_namespaces(topology, new)
        self.topology = topology
        node = self._node(topology.nodes[-1])
        self.nodes.append(node)
        node.write_config(node_config(self.record, node.plan))
        if start:
            node.start_daemon()
        return node

    def wait_until_up(
        self,
        timeout_s: float,
        progress: Callable[[Convergence], None] = lambda _state: None,
    ) -> float:
        """Wait until every ordered pair of nodes is up; return the seconds it took.

        Raises:
            LabError: a daemon ended, or time is up (with its last words).
        """
        return wait_until_up(self.nodes, timeout_s, progress)

    def ping(self, near: str, far: str, *, count: int = 2) -> Ping:
        """Ping from node to node over their mesh addresses."""
        address = str(self.node(far).mesh_address)
        return ping(self.node(near).place, address, count=count)

    def ping_pods(self, near: str, far: str, *, count: int = 2) -> Ping:
        """Ping from the pod of a node to the pod of another."""
        address = str(self.node(far).plan.pod_address.ip)
        return ping(self.node(near).pod, address, count=count)

    def destroy(self) -> None:
        """Remove everything of the lab; harmless when it is gone already."""
        remove_lab(self.name)

    def _build(self, say: Say) -> None:
        self.files.write_record(self.record)
        count = len(self.topology.namespaces)
        say(f"making {count} namespaces and {len(self.topology.cables)} links")
        everything = frozenset(entry.name for entry in self.topology.namespaces)
        build_namespaces(self.topology, everything)
        for node in self.nodes:
            node.write_config(node_config(self.record, node.plan))
        self.record = replace(self.record, complete=True)
        self.files.write_record(self.record)

    def _node(self, plan: NodePlan) -> LabNode:
        return LabNode(
            plan=plan,
            place=self.place(plan.name),
            pod=self.place(plan.pod),
            files=self.files.node(plan.name),
            environment=self.record.spec.environment,
        )


def is_lab_running(name: str) -> bool:
    """Tell whether a lab is whole: complete, and every node's holder is alive."""
    try:
        lab = Lab.load(name)
        holders = [node.place.holder for node in lab.nodes]
    except LabError:
        return False
    return lab.record.complete and bool(holders)


def _make_room(name: str, *, replace_running: bool, say: Say) -> None:
    running = is_lab_running(name)
    if running and not replace_running:
        raise LabError(
            f"lab {name!r} is running: kubespanctl lab destroy --name {name}"
        )
    if remove_lab(name):
        what = "the running" if running else "leftovers of a"
        say(f"removed {what} lab {name!r}")


def _new_record(spec: LabSpec) -> LabRecord:
    return LabRecord(
        spec=spec,
        placements=spec.placements,
        cluster_id=_random_text(),
        cluster_secret=_random_text(),
    )


def _random_text() -> str:
    return base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
