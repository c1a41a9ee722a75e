"""Make a topology real, and remove every trace of a lab."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from kubespan.lab.files import lab_files, labs_with_files
from kubespan.lab.namespaces import (
    add_namespaces,
    all_namespaces,
    lab_namespaces,
    remove_namespaces,
    run_script,
)
from kubespan.lab.place import Place
from kubespan.lab.script import (
    batch_script,
    cable_commands,
    joining_ports,
    namespace_script,
    port_commands,
)
from kubespan.lab.topology import (
    NAME,
    PREFIX,
    Kind,
    Namespace,
    Topology,
    refuse_bad_name,
)

UNWINDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CONTAINED = (Kind.NODE, Kind.DISCOVERY)


def build_namespaces(topology: Topology, new: frozenset[str]) -> None:
    """Make and wire the `new` namespaces of a topology whose others exist.

    Raises:
        LabError: the kernel or a program refused; what was made stays.
    """
    fresh = [entry for entry in topology.namespaces if entry.name in new]
    add_namespaces([topology.netns(entry.name) for entry in fresh])
    for entry in fresh:
        cables = cable_commands(topology, entry)
        run_script(topology.netns(entry.name), batch_script(cables))
    for entry in fresh:
        run_script(topology.netns(entry.name), namespace_script(topology, entry))
    for port in joining_ports(topology, new):
        commands = batch_script(port_commands(port))
        run_script(topology.netns(port.namespace), commands)
    for entry in fresh:
        if entry.kind in CONTAINED:
            place_of(topology, entry).hold()


def place_of(topology: Topology, namespace: Namespace) -> Place:
    """Return a namespace as a place where commands run."""
    contained = namespace.kind in CONTAINED
    return Place(namespace.name, topology.netns(namespace.name), contained)


def lab_names() -> list[str]:
    """Return the names of all labs, sorted: running, stopped and what is left of some.

    Both the namespaces and the directories are looked at; a killed lab may have either.
    """
    names = {name.removeprefix(PREFIX).split("-")[0] for name in all_namespaces()}
    return sorted(filter(NAME.fullmatch, names | set(labs_with_files())))


def remove_lab(name: str) -> bool:
    """Remove everything of a lab: processes, namespaces, links, files.

    Works from what is there, not from what was written down, so half a lab is removed
    as well as a whole one. An interruption waits until it is done.

    Returns:
        Whether there was anything.

    Raises:
        LabError: something cannot be removed, or `name` cannot be a lab's.
    """
    refuse_bad_name(name)
    namespaces = lab_namespaces(name)
    files = lab_files(name)
    if not namespaces and not files.directory.exists():
        return False
    with _uninterrupted():
        remove_namespaces(namespaces)
        files.remove()
    return True


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back the signals a person or an init system ends us with."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, UNWINDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
