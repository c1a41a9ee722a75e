"""The wiring as a graph: checked, ordered, drawn."""

from collections import Counter
from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter

from kubespan.engine.controller import Controller
from kubespan.engine.edges import Feed, Sink, Source
from kubespan.engine.resource import Kind


def order_controllers(controllers: Sequence[Controller]) -> tuple[Controller, ...]:
    """Return the controllers so that each comes after those whose output it reads.

    Raises:
        ValueError: two controllers write one kind, or there is a cycle.
    """
    writer_by_kind: dict[Kind, Controller] = {}
    for controller in controllers:
        other = writer_by_kind.setdefault(controller.writes, controller)
        if other is not controller:
            kind = controller.writes.__name__
            raise ValueError(f"{kind} is written by {other.name} and {controller.name}")
    name_by_kind = {kind: writer.name for kind, writer in writer_by_kind.items()}
    edges = {
        controller.name: [
            name_by_kind[kind] for kind in controller.inputs if kind in name_by_kind
        ]
        for controller in controllers
    }
    try:
        names = tuple(TopologicalSorter(edges).static_order())
    except CycleError as error:
        raise ValueError(f"controllers read each other: {error.args[1]}") from error
    by_name = {controller.name: controller for controller in controllers}
    return tuple(by_name[name] for name in names)


def refuse_shared_names(sources: Iterable[Source], sinks: Iterable[Sink]) -> None:
    """Raise `ValueError` if two edges have one name: one would hide the other's errors.

    Feeds have no status of their own and may be called as their source is.
    """
    counts = Counter([*(s.name for s in sources), *(s.name for s in sinks)])
    if shared := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"several edges are called {', '.join(shared)}")


def draw(
    sources: Iterable[Source],
    controllers: Iterable[Controller],
    sinks: Iterable[Sink],
    feeds: Iterable[Feed],
) -> str:
    """Return the wiring as three Markdown tables, in the order of the tables."""
    rows = ["| source | writes |", "|---|---|"]
    rows += [f"| {row.name} | {_names(row.writes)} |" for row in sources]
    rows += ["", "| controller | reads | writes |", "|---|---|---|"]
    rows += [
        f"| {row.name} | {_names(row.inputs)}{_own(row)} | {row.writes.__name__} |"
        for row in controllers
    ]
    rows += ["", "| sink | reads | after |", "|---|---|---|"]
    rows += [f"| {s.name} | {_names(s.reads)} | {', '.join(s.after)} |" for s in sinks]
    rows += [f"| {feed.name} | {_names(feed.reads)} | |" for feed in feeds]
    return "\n".join(rows) + "\n"


def _names(kinds: Iterable[Kind]) -> str:
    return ", ".join(kind.__name__ for kind in kinds)


def _own(controller: Controller) -> str:
    """Mark a controller that reads back its own output."""
    own = controller.writes in controller.reads
    return f", *{controller.writes.__name__}*" if own else ""
